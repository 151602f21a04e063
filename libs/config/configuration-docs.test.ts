import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeSettings, settingsTable } from "./describe-settings.ts";

test("docs/configuration.md has the table of the schema, as settingsTable() writes it", async () => {
  const docs = await readFile(new URL("../../docs/configuration.md", import.meta.url), "utf8");

  const written = docs.split("\n").filter((line) => line.startsWith("|"));

  expect(written.join("\n")).toBe(settingsTable());
});

test("every setting has a name, a variable, a default and a description of its own", () => {
  const settings = describeSettings();

  for (const { name, environmentVariable, description, fallbackText } of settings) {
    expect(name).toMatch(/^[a-z_]+(\.[a-z_]+)*$/);
    expect(environmentVariable).toMatch(/^(MILLRACE_[A-Z_]+|DATABASE_URL|KAFKA_BROKERS|AWS_[A-Z_]+)$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
    expect(fallbackText).not.toBe("");
  }
  for (const key of ["name", "environmentVariable", "description"] as const) {
    expect(new Set(settings.map((setting) => setting[key])).size).toBe(settings.length);
  }
  const flags = settings.flatMap(({ flag }) => (flag === null ? [] : [flag]));
  expect(new Set(flags).size).toBe(flags.length);
});
