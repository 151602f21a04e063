import assert from "node:assert/strict";
import { z } from "zod";
import { type SettingFacts, settingFacts } from "./setting-kinds.ts";
import { settingShape } from "./settings-schema.ts";

/** One setting with its names. */
export interface SettingDescription extends SettingFacts {
  /** As in a file: `worker.lease`. */
  readonly name: string;
  /** Where it is in `Settings`: `["worker", "leaseMs"]`. */
  readonly path: readonly string[];
  /** Its environment variable. */
  readonly environmentVariable: string;
}

/** Every setting in the schema's order, for help, for docs/configuration.md and for resolving. */
export function describeSettings(): readonly SettingDescription[] {
  return descriptions;
}

const descriptions: readonly SettingDescription[] = collect(settingShape, []);

function collect(schema: z.ZodObject, parents: readonly string[]): SettingDescription[] {
  return Object.entries(schema.shape).flatMap(([property, child]) => {
    const path = [...parents, property];
    if (child instanceof z.ZodObject) return collect(child, path);
    const facts = settingFacts.get(child);
    assert(facts !== undefined, `the setting ${path.join(".")} has no facts`);
    const name = path.map((part) => fileKey(part, facts)).join(".");
    const environmentVariable = facts.variable ?? `MILLRACE_${name.replaceAll(".", "_").toUpperCase()}`;
    return [{ ...facts, name, path, environmentVariable }];
  });
}

function fileKey(property: string, { kind }: SettingFacts): string {
  const base = kind === "duration" ? property.replace(/Ms$/, "") : property;
  return base.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The table of docs/configuration.md, in Markdown. */
export function settingsTable(): string {
  const rows = descriptions.map(({ name, kind, fallbackText, environmentVariable, flag, description }) =>
    [
      `\`${name}\``,
      kind,
      fallbackText.includes(" ") ? fallbackText : `\`${fallbackText}\``,
      `\`${environmentVariable}\``,
      flag === null ? "" : `\`--${flag}\``,
      description,
    ].join(" | "),
  );
  return [
    "| setting | kind | default | variable | flag | meaning |",
    "|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${row} |`),
  ].join("\n");
}
