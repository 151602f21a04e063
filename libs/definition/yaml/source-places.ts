import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";
import type { Path, Place } from "../problem-list.ts";
import type { YamlTree } from "./yaml-tree.ts";

/** Finds where in the file's text a value stands. */
export interface SourcePlaces {
  /** The value at the path, or its nearest ancestor that exists. */
  value(path: Path): Place;
  /** The key of the path's last step; for a list item the item. */
  key(path: Path): Place;
  /** A character of a text value: that many characters after its beginning. */
  within(path: Path, valueOffset: number): Place;
}

export function createSourcePlaces({ nodes }: YamlTree, text: string): SourcePlaces {
  const resolve = (node: Node | null): Node | null => (isAlias(node) ? (node.resolve(nodes()) ?? null) : node);

  const walk = (path: Path): { pair: Pair | null; node: Node | null; isFound: boolean } => {
    let found: { pair: Pair | null; node: Node | null } = { pair: null, node: nodes().contents };
    for (const step of path) {
      const next = child(resolve(found.node), step);
      if (next === null) return { ...found, isFound: false };
      found = next;
    }
    return { ...found, isFound: true };
  };

  const startOf = (node: Node | null): Place => ({ offset: node?.range?.[0] ?? 0 });

  return {
    value(path) {
      const { node, pair, isFound } = walk(path);
      // An empty value has no text of its own: the key stands for it, and for a missing entry of a map.
      if (pair !== null && (!isFound || isEmpty(node))) return startOf(pair.key as Node | null);
      return startOf(node);
    },
    key(path) {
      const { pair, node } = walk(path);
      return startOf(pair === null ? node : (pair.key as Node | null));
    },
    within(path, valueOffset) {
      const { node } = walk(path);
      const scalar = resolve(node);
      if (!isScalar(scalar) || typeof scalar.value !== "string" || !scalar.range) return startOf(node);
      const source = text.slice(scalar.range[0], scalar.range[1]);
      return { offset: scalar.range[0] + sourceOffset(source, scalar.value, valueOffset) };
    },
  };
}

function child(node: Node | null, step: string | number): { pair: Pair | null; node: Node | null } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && keyText(item.key) === String(step));
    return pair === undefined ? null : { pair, node: (pair.value ?? null) as Node | null };
  }
  if (isSeq(node) && typeof step === "number") {
    const item = node.items[step];
    return item === undefined ? null : { pair: null, node: item as Node };
  }
  return null;
}

function keyText(key: { value: unknown; source?: string }): string {
  return typeof key.value === "string" ? key.value : (key.source ?? "");
}

function isEmpty(node: Node | null): boolean {
  return (
    node === null ||
    (isScalar(node) && node.range !== undefined && node.range !== null && node.range[0] === node.range[1])
  );
}

/**
 * Where a character of the value stands in the scalar as written. White space may be folded and quotes escaped, so
 * the count goes by visible characters, from the last opening of an expression before the character.
 */
function sourceOffset(source: string, value: string, valueOffset: number): number {
  const quote = source.startsWith('"') || source.startsWith("'") ? source.charAt(0) : "";
  const opening = value.lastIndexOf("{{", valueOffset);
  let from = contentStart(source);
  if (opening !== -1) {
    for (let count = occurrences(value, "{{", opening); count >= 0; count -= 1) {
      const at = source.indexOf("{{", from);
      if (at === -1) break;
      from = count === 0 ? at : at + 2;
    }
  }
  let visible = countVisible(value.slice(Math.max(0, opening), valueOffset));
  let at = from;
  for (; at < source.length; at += 1) {
    if (isSpace(source.charAt(at))) continue;
    if (visible === 0) break;
    if (quote !== "" && isEscape(source, at, quote)) at += 1;
    visible -= 1;
  }
  return Math.min(at, Math.max(0, source.length - 1));
}

/** After the opening quote, or after the header line of a block scalar. */
function contentStart(source: string): number {
  const first = source.charAt(0);
  if (first === '"' || first === "'") return 1;
  if (first === "|" || first === ">") return source.indexOf("\n") + 1;
  return 0;
}

function isEscape(source: string, at: number, quote: string): boolean {
  if (quote === '"') return source.charAt(at) === "\\";
  return source.charAt(at) === "'" && source.charAt(at + 1) === "'";
}

function occurrences(text: string, part: string, before: number): number {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1 && at < before; at = text.indexOf(part, at + 2)) count += 1;
  return count;
}

function countVisible(text: string): number {
  let count = 0;
  for (const character of text) if (!isSpace(character)) count += character.length;
  return count;
}

function isSpace(character: string): boolean {
  return character === " " || character === "\n" || character === "\t" || character === "\r";
}
