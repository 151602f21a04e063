import { readFileSync } from "node:fs";

interface Node {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** Places whose keys are those of another place: what shows the one shows the other. */
const sameKeys: readonly (readonly [RegExp, string])[] = [
  [/^(?:taskBody|hookTask)\b/, "task"],
  [/^dag\.default_task_config\./, "task."],
  [/^dag\.schedule\.entries\./, "dag.schedule."],
  [/^longParameter\.validation\./, "longParameter."],
  [/^longParameter\b/, "parameter"],
];

const schemaFile = new URL("../../gen/schemas/dag.json", import.meta.url);

/** Every field of the format, as `task.retry.delay`; those of a kind of work as `bash.shell`, of a sensor as `sensors.file.id`. */
export function listFieldPaths(): ReadonlySet<string> {
  const { definitions } = JSON.parse(readFileSync(schemaFile, "utf8")) as { definitions: Record<string, Node> };
  const { operatorFields, hookFields: _sameAsOperators, sensor, ...places } = definitions;
  const found = new Set<string>();
  for (const [name, node] of Object.entries(places)) collect(node, name, found);
  for (const [type, rule] of rulesByType(operatorFields)) collect(rule.properties?.["operator"], type, found);
  for (const [type, rule] of rulesByType(sensor)) collect(rule, `sensors.${type}`, found);
  return new Set([...found].map(foldPath));
}

function collect(node: unknown, path: string, found: Set<string>): void {
  if (Array.isArray(node)) for (const each of node) collect(each, path, found);
  if (!isNode(node)) return;
  const { properties = {}, items, anyOf, oneOf, allOf, then, else: other } = node;
  for (const part of [items, anyOf, oneOf, allOf, then, other]) collect(part, path, found);
  for (const [key, value] of Object.entries(properties)) {
    found.add(`${path}.${key}`);
    collect(value, `${path}.${key}`, found);
  }
}

/** The fields of each type of a definition that says them by `if` the type is so. */
function rulesByType(node: Node | undefined): readonly (readonly [string, Node])[] {
  const rules = Array.isArray(node?.["allOf"]) ? node["allOf"].filter(isNode) : [];
  return rules.flatMap((rule) => {
    const condition = isNode(rule["if"]) ? rule["if"].properties?.["type"] : undefined;
    const type = isNode(condition) ? condition["const"] : undefined;
    return typeof type === "string" && isNode(rule["then"]) ? [[type, rule["then"]] as const] : [];
  });
}

function foldPath(path: string): string {
  return sameKeys.reduce((folded, [place, other]) => folded.replace(place, other), path);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
