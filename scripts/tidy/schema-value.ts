import type { SchemaNode } from "./schema-node.ts";

const DURATION = "(?=.*[1-9])";
const SIZE = "(k|M|G|T|Ki|Mi|Gi|Ti|)";

/** What a value may be, in words: `true or false`, `get`, `put` or `post`, list of texts. */
export function describeValue(node: SchemaNode): string {
  if (node.$ref !== undefined) return referenceWords(node.$ref);
  // A value or an expression in its place: expressions may stand in most fields, which the page says once.
  if (node.if?.pattern === String.raw`\{\{` && node.else !== undefined) return describeValue(node.else);
  if (node.const !== undefined) return code(node.const);
  if (node.enum !== undefined) return node.enum.map(code).join(", ");
  const choices = /^\^\(\?:([\w|]+)\)\$$/.exec(node.pattern ?? "")?.[1];
  const isList = typesOf(node).includes("array");
  const words = [
    ...(choices === undefined
      ? typesOf(node).map((type) => typeWords(type, node))
      : [choices.split("|").map(code).join(", ")]),
    ...(choices !== undefined && isList ? ["or a list of them"] : []),
    ...(node.anyOf ?? []).map(describeValue),
  ];
  return words.length === 0 ? "any value" : [...new Set(words)].join(choices === undefined ? " or " : ", ");
}

function typeWords(type: string, node: SchemaNode): string {
  switch (type) {
    case "string":
      return textWords(node);
    case "integer":
    case "number":
      return numberWords(type, node);
    case "boolean":
      return "true or false";
    case "array":
      return node.items === undefined || node.items.type === undefined
        ? "list"
        : `list of ${describeValue(node.items)}`;
    case "object":
      return "map";
    default:
      return "nothing";
  }
}

function textWords({ pattern = "", enum: choices }: SchemaNode): string {
  if (choices !== undefined) return choices.map(code).join(", ");
  if (pattern.includes(DURATION)) return "duration";
  if (pattern.includes(SIZE)) return "size";
  return pattern.startsWith("^[A-Za-z") ? "name" : "text";
}

function numberWords(type: string, { minimum, maximum }: SchemaNode): string {
  const word = type === "integer" ? "whole number" : "number";
  if (minimum === undefined) return word;
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return `${word}, at least ${minimum}`;
  return `${word}, ${minimum} to ${maximum}`;
}

function typesOf({ type }: SchemaNode): readonly string[] {
  if (type === undefined) return [];
  return typeof type === "string" ? [type] : type;
}

function referenceWords(reference: string): string {
  const name = reference.slice(reference.lastIndexOf("/") + 1);
  return name.includes("schema") ? "any value" : name;
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
