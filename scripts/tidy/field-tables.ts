import type { GeneratedSection } from "./generated-section.ts";
import type { Repository } from "./repository.ts";
import { byType, readDefinitionSchema, requiredKeys, type SchemaNode, schemaPath } from "./schema-node.ts";
import { describeValue } from "./schema-value.ts";

const OPERATOR_PAGE = /^docs\/operators\/([\w.-]+)\.md$/;

/** A page that tells of several kinds of work has a section for each, under the kind's name. */
const operatorPages: Readonly<Record<string, string>> = {
  "millrace.test.fail": "docs/operators/test-doubles.md",
  "millrace.test.sleep": "docs/operators/test-doubles.md",
  "millrace.test.flaky": "docs/operators/test-doubles.md",
};

/** The fields of each kind of work, on a page of its own. */
export function operatorSections(repository: Repository): readonly GeneratedSection[] {
  const types = [...byType(readDefinitionSchema(repository.read(schemaPath)).definitions["operatorFields"]).keys()];
  return types.map((type) => ({
    path: operatorPages[type] ?? `docs/operators/${type}.md`,
    name: `fields of ${type}`,
    render: ({ read }) => {
      const rules = byType(readDefinitionSchema(read(schemaPath)).definitions["operatorFields"]);
      const fields = rules.get(type)?.properties?.["operator"];
      const names = Object.keys(fields?.properties ?? {});
      return fields === undefined || names.length === 0 ? ["It has no fields."] : fieldTable(fields);
    },
  }));
}

/** Pages of kinds of work that there are no more. */
export function strayOperatorPages(repository: Repository): readonly string[] {
  const known = new Set(operatorSections(repository).map(({ path }) => path));
  return repository.files.map(({ path }) => path).filter((path) => OPERATOR_PAGE.test(path) && !known.has(path));
}

/** One row for each key, those within a map below it as `retry.delay`. */
export function fieldTable(node: SchemaNode): readonly string[] {
  return ["| field | value | meaning |", "|---|---|---|", ...fieldRows(node, "")];
}

function fieldRows(node: SchemaNode, prefix: string): readonly string[] {
  const required = requiredKeys(node);
  return Object.entries(node.properties ?? {}).flatMap(([key, field]) => [
    `| \`${prefix}${key}\`${required.has(key) ? "*" : ""} | ${cell(describeValue(field))} | ${cell(field.description ?? "")} |`,
    ...innerNodes(field).flatMap((inner) => fieldRows(inner, `${prefix}${key}.`)),
  ]);
}

/** Where the keys of a map stand: in it, in its branches, or in what a list of it holds. */
function innerNodes(field: SchemaNode): readonly SchemaNode[] {
  const value = field.else ?? field;
  const within = value.items?.properties === undefined || value.properties !== undefined ? [] : [value.items];
  return [value, ...within, ...(value.anyOf ?? [])]
    .filter(({ properties }) => properties !== undefined)
    .map(withChoices);
}

/** With the keys that a map has for one value of its `type` alone. */
function withChoices(node: SchemaNode): SchemaNode {
  const chosen = [...byType(node)].flatMap(([type, { properties = {}, required = [] }]) =>
    Object.entries(properties)
      .filter(([key]) => key !== "type")
      .map(([key, { description = "", ...field }]): [string, SchemaNode] => {
        const when = `Of \`type: ${type}\`${required.includes(key) ? ", required" : ""}.`;
        return [key, { ...field, description: `${when} ${description}`.trim() }];
      }),
  );
  return { ...node, properties: { ...node.properties, ...Object.fromEntries(chosen) } };
}

function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}
