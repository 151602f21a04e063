import { isJsonObject, isList } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";

/*
 * Editors show what a validator of JSON Schema says. Written in the usual way a schema makes them say much for one
 * mistake: each branch of a union complains, and a mistyped key is unknown and missed at once. What follows says the
 * same in a form in which each mistake breaks one rule.
 */

const mapKeywords: ReadonlySet<string> = new Set(["properties", "definitions"]);
const schemaKeywords: ReadonlySet<string> = new Set([
  "items",
  "additionalProperties",
  "propertyNames",
  "not",
  "if",
  "then",
  "else",
]);
const listKeywords: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf"]);

/** The schema, and those within it, in the form that gives one message for one mistake. */
export function preciseSchema(schema: JsonObject): JsonObject {
  const inner = mapSchemas(schema, preciseSchema);
  return withLateRequired(withoutRepeatedType(withMergedUnion(withNamedChoice(inner))));
}

/** The same schema with each of its direct parts changed. */
export function mapSchemas(schema: JsonObject, change: (part: JsonObject) => JsonObject): JsonObject {
  const changed = (part: Json): Json => (isJsonObject(part) ? change(part) : part);
  const entries = Object.entries(schema).map(([keyword, value]): [string, Json] => {
    if (schemaKeywords.has(keyword)) return [keyword, changed(value)];
    if (listKeywords.has(keyword) && isList(value)) return [keyword, value.map(changed)];
    if (!mapKeywords.has(keyword) || !isJsonObject(value)) return [keyword, value];
    return [keyword, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, changed(part)]))];
  });
  return Object.fromEntries(entries);
}

/** Text that is or holds an expression: it may stand in the place of any other value. */
const expressionMark: JsonObject = { type: "string", pattern: String.raw`\{\{` };

/** The schema, or an expression that gives such a value. */
export function orExpression({ description, ...schema }: JsonObject): JsonObject {
  return { ...(description === undefined ? {} : { description }), if: expressionMark, else: schema };
}

/** A union whose branches are of different types is one schema: each keyword speaks about values of one type alone. */
function withMergedUnion({ anyOf, ...rest }: JsonObject): JsonObject {
  if (!isList(anyOf)) return rest;
  const branches = anyOf.filter(isJsonObject);
  const values = branches.filter((branch) => !isExpression(branch));
  const types = values.flatMap(typesOf);
  const isDisjoint = new Set(types).size === types.length && values.every((branch) => typesOf(branch).length > 0);
  const [only = {}, ...others] = values;
  if (!isDisjoint && others.length > 0) return { ...rest, anyOf };
  const merged = others.length === 0 ? only : mergedBranches(values);
  return values.length < branches.length ? orExpression({ ...merged, ...rest }) : { ...merged, ...rest };
}

function mergedBranches(branches: readonly JsonObject[]): JsonObject {
  const rules = branches.flatMap(({ allOf }) => (isList(allOf) ? allOf : []));
  const keywords = branches.map(({ type: _type, allOf: _allOf, description: _description, ...own }) => asPattern(own));
  const merged: JsonObject = Object.assign({}, ...keywords);
  return { ...merged, type: branches.flatMap(typesOf), ...(rules.length === 0 ? {} : { allOf: rules }) };
}

function isExpression({ type, pattern }: JsonObject): boolean {
  return type === "string" && typeof pattern === "string" && pattern.startsWith(String.raw`\{\{`);
}

/** A list of texts as a pattern, which speaks about texts alone; other fixed values are left to `parseDefinition`. */
function asPattern({ enum: choices, const: _const, ...rest }: JsonObject): JsonObject {
  if (!isList(choices) || !choices.every((choice) => typeof choice === "string")) return rest;
  const words = choices.map((choice) => choice.replaceAll(/\W/g, String.raw`\$&`));
  const patternErrorMessage = `must be one of ${choices.join(", ")}`;
  return { ...rest, pattern: `^(?:${words.join("|")})$`, patternErrorMessage };
}

function typesOf({ type, enum: choices, const: only }: JsonObject): readonly string[] {
  if (isList(choices)) return [...new Set(choices.map((choice) => typeof choice))];
  if (only !== undefined) return [typeof only];
  return (isList(type) ? type : [type]).filter((each) => typeof each === "string");
}

/** Of several kinds of map that a key tells apart, only the one that the key names says what is wrong. */
function withNamedChoice({ oneOf, ...rest }: JsonObject): JsonObject {
  const branches = isList(oneOf) ? oneOf.filter(isJsonObject) : [];
  const first = branches[0]?.["properties"];
  const keys = isJsonObject(first) ? Object.keys(first) : [];
  const key = keys.find((each) => branches.every((branch) => constantOf(branch, each) !== undefined));
  if (key === undefined) return oneOf === undefined ? rest : { ...rest, oneOf };
  const names = branches.map((branch) => constantOf(branch, key) ?? null);
  const rules = branches.map((branch, place) => {
    const { type: _type, ...own } = branch;
    return ruleOf({ properties: { [key]: { const: names[place] ?? null } }, required: [key] }, own);
  });
  const choice = { type: "object", properties: { [key]: { enum: names } }, required: [key] };
  return withRules({ ...choice, ...rest }, rules);
}

function constantOf({ properties }: JsonObject, key: string): Json | undefined {
  const property = isJsonObject(properties) ? properties[key] : undefined;
  return isJsonObject(property) ? property["const"] : undefined;
}

/** A list of values, or one, says what type they have. */
function withoutRepeatedType(schema: JsonObject): JsonObject {
  if (!("enum" in schema) && !("const" in schema)) return schema;
  const { type: _type, ...rest } = schema;
  return rest;
}

/** Keys are missed only where all that are there are known. */
function withLateRequired(schema: JsonObject): JsonObject {
  const { required, ...rest } = schema;
  const { properties, additionalProperties } = schema;
  if (!isList(required) || !isJsonObject(properties) || additionalProperties !== false) return schema;
  return withRules(rest, [ruleOf({ propertyNames: { enum: Object.keys(properties) } }, { required })]);
}

/** The schema with more rules that hold beside it. */
export function withRules(schema: JsonObject, rules: readonly JsonObject[]): JsonObject {
  const { allOf } = schema;
  return { ...schema, allOf: [...(isList(allOf) ? allOf : []), ...rules] };
}

/** `consequence` holds where `condition` does. Put together of entries: a literal with a `then` would look like a promise. */
export function ruleOf(condition: JsonObject, consequence: JsonObject): JsonObject {
  const parts: readonly (readonly [string, JsonObject])[] = [
    ["if", condition],
    ["then", consequence],
  ];
  return Object.fromEntries(parts);
}
