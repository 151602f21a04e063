import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { engineErrorAdvice } from "./engine-error.ts";

test("docs/errors.md lists the engine's codes with the same advice", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const lines = page.split("\n").filter((line) => /^- `[A-Z_]+`: /.test(line));
  expect(lines).toEqual(Object.entries(engineErrorAdvice).map(([code, advice]) => `- \`${code}\`: ${advice}`));
});
