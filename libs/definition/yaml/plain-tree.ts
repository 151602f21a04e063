import type { CST } from "yaml";
import { definitionLimits } from "../limits.ts";
import type { Json } from "../model.ts";
import { readPlainKey, readPlainScalar } from "./plain-scalar.ts";
import { isSpacing, spacing } from "./token-spacing.ts";

/**
 * The JSON of a document that is written plainly, read from the parser's tokens alone. Undefined: it holds an anchor, a
 * tag, a fault or anything else of which the library's composer, which knows all of YAML, has to say what it is. A value
 * is always the one that the composer's nodes give, and the composer finds no fault then.
 */
export function readPlainTree({ start, value, end = [] }: CST.Document): Json | undefined {
  const isPlain = value !== undefined && isPlainStart(start) && isSpacing(end, spacing.sameLine);
  return isPlain ? new PlainReader().node(value, 0) : undefined;
}

/** Nothing, or `---` in a line of its own. */
function isPlainStart(start: readonly CST.SourceToken[]): boolean {
  if (isSpacing(start, spacing.newLine)) return true;
  const isFirst = start[0]?.type === "doc-start" && isSpacing(start, spacing.documentStart);
  return isFirst && start.some(({ type }) => type === "newline");
}

class PlainReader {
  #values = 0;

  /** A value that is not written is null. */
  node(token: CST.Token | undefined, depth: number): Json | undefined {
    this.#values += 1;
    if (this.#values > definitionLimits.values || depth > definitionLimits.nesting) return undefined;
    switch (token?.type) {
      case undefined:
        return null;
      case "scalar":
      case "single-quoted-scalar":
      case "double-quoted-scalar":
        return isSpacing(token.end ?? [], spacing.sameLine) ? readPlainScalar(token) : undefined;
      case "block-scalar":
        return readPlainScalar(token);
      case "block-map":
        return this.#blockMap(token, depth);
      case "block-seq":
        return this.#blockList(token, depth);
      case "flow-collection":
        return this.#flow(token, depth);
      default:
        return undefined;
    }
  }

  #blockMap({ items, indent }: CST.BlockMap, depth: number): Json | undefined {
    const map: Record<string, Json> = {};
    const last = items.at(-1);
    for (const item of items) {
      if (!isSpacing(item.start, spacing.newLine)) return undefined;
      if (item === last && isUnwritten(item)) continue;
      const { key, sep = [], value } = item;
      if (!key || !("indent" in key) || key.indent !== indent) return undefined;
      if (value?.type === "block-map" && !sep.some(({ type }) => type === "newline")) return undefined;
      if (!this.#entry(map, item, depth)) return undefined;
    }
    return map;
  }

  #blockList({ items }: CST.BlockSequence, depth: number): Json | undefined {
    const list: Json[] = [];
    const last = items.at(-1);
    for (const item of items) {
      if (item === last && isUnwritten(item) && isSpacing(item.start, spacing.newLine)) continue;
      const own = isSpacing(item.start, spacing.dash) ? this.node(item.value, depth + 1) : undefined;
      if (own === undefined) return undefined;
      list.push(own);
    }
    return list;
  }

  #flow({ start: opening, items, end }: CST.FlowCollection, depth: number): Json | undefined {
    const isMap = opening.type === "flow-map-start";
    const [closing, ...rest] = end;
    if (closing?.type !== (isMap ? "flow-map-end" : "flow-seq-end") || !isSpacing(rest, spacing.sameLine))
      return undefined;
    const map: Record<string, Json> = {};
    const list: Json[] = [];
    const [first, last] = [items[0], items.at(-1)];
    for (const item of items) {
      const { start, key, sep, value } = item;
      if (!isSpacing(start, item === first ? spacing.sameLine : spacing.comma)) return undefined;
      if (item === last && isUnwritten(item)) continue;
      if (value?.type === "block-map" || value?.type === "block-seq") return undefined;
      if (isMap && this.#entry(map, item, depth)) continue;
      const isItem = !isMap && key === undefined && sep === undefined && value !== undefined;
      const own = isItem ? this.node(value, depth + 1) : undefined;
      if (own === undefined) return undefined;
      list.push(own);
    }
    return isMap ? map : list;
  }

  /** Whether the entry could be read. */
  #entry(map: Record<string, Json>, { key, sep = [], value }: CST.CollectionItem, depth: number): boolean {
    const name = readPlainKey(key);
    if (name === undefined || name === "__proto__" || Object.hasOwn(map, name)) return false;
    if (sep[0]?.type !== "map-value-ind" || !isSpacing(sep, spacing.colon)) return false;
    const own = this.node(value, depth + 1);
    if (own === undefined) return false;
    map[name] = own;
    return true;
  }
}

/** What follows the last entry: spaces, line ends and comments. */
function isUnwritten({ key, sep, value }: CST.CollectionItem): boolean {
  return key === undefined && sep === undefined && value === undefined;
}
