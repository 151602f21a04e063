import type { SettingDescription } from "#config/describe-settings.ts";
import type { Paint } from "./paint.ts";
import { renderTable } from "./table.ts";

/** All settings as a table. */
export function renderSettings(
  settings: readonly SettingDescription[],
  options: { paint: Paint; width: number | null },
): readonly string[] {
  return renderTable({
    columns: [
      { title: "SETTING" },
      { title: "DEFAULT", flexible: true },
      { title: "VARIABLE" },
      { title: "FLAG" },
      { title: "MEANING", flexible: true },
    ],
    rows: settings.map(({ name, fallbackText, environmentVariable, flag, description }) => [
      { text: name },
      { text: fallbackText },
      { text: environmentVariable },
      { text: flag === null ? "" : `--${flag}` },
      { text: description },
    ]),
    ...options,
  });
}

interface JsonSchemaObject {
  readonly type: "object";
  readonly additionalProperties: false;
  readonly properties: Record<string, object>;
}

/** A JSON Schema (draft-07) of the configuration file, for editors. */
export function settingsJsonSchema(settings: readonly SettingDescription[]): object {
  const root = emptyObject();
  for (const setting of settings) {
    const names = setting.name.split(".");
    const parent = names.slice(0, -1).reduce((node, name) => sectionOf(node, name), root);
    parent.properties[names.at(-1) ?? ""] = {
      ...schemaByKind[setting.kind],
      description: `${setting.description} Default: ${setting.fallbackText}.`,
    };
  }
  return { $schema: "http://json-schema.org/draft-07/schema#", title: "Millrace configuration", ...root };
}

const schemaByKind: Readonly<Record<SettingDescription["kind"], object>> = {
  duration: { type: "string", examples: ["30s", "5m", "1h30m"] },
  integer: { type: "integer" },
  size: { type: ["string", "integer"], examples: ["64MiB"] },
  text: { type: "string" },
  choice: { type: "string" },
  boolean: { type: "boolean" },
  list: { type: ["array", "string"], items: { type: "string" } },
  map: { type: ["object", "string"], additionalProperties: { type: "string" } },
};

function emptyObject(): JsonSchemaObject {
  return { type: "object", additionalProperties: false, properties: {} };
}

function sectionOf(parent: JsonSchemaObject, name: string): JsonSchemaObject {
  const existing = parent.properties[name] as JsonSchemaObject | undefined;
  const section = existing ?? emptyObject();
  parent.properties[name] = section;
  return section;
}
