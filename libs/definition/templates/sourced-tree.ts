import { isJsonObject, isList } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Path } from "../problem-list.ts";
import type { Source } from "./source-findings.ts";

/** Where a value was written: a path in one document. */
export interface Origin {
  readonly source: Source;
  readonly path: Path;
  /** The key is meant: the value is the text of a map's key, such as the id of a task. */
  readonly isKey?: boolean;
}

/** A value that knows where it was written, whatever has been merged and filled in around it. */
export interface SourcedNode {
  readonly origin: Origin;
  readonly value: string | number | boolean | null | readonly SourcedNode[] | SourcedMap;
  /** Of a text that expressions were filled into: where its pieces begin, and where they were written; absent: as written. */
  readonly spans?: readonly { readonly start: number; readonly writtenAt: number }[];
  /** It was computed from an example value, so that nothing can be said about it. */
  readonly isMadeUp?: boolean;
}

export type SourcedMap = ReadonlyMap<string, SourcedNode>;

/** A value of a document with its places; `path` is where it stands in the document. */
export function sourcedNode(value: Json, source: Source, path: Path): SourcedNode {
  const origin = { source, path };
  if (isList(value)) return { origin, value: value.map((item, place) => sourcedNode(item, source, [...path, place])) };
  if (!isJsonObject(value)) return { origin, value };
  const entries = Object.entries(value).map(([key, item]) => [key, sourcedNode(item, source, [...path, key])] as const);
  return { origin, value: new Map(entries) };
}

export function isSourcedMap(value: SourcedNode["value"] | undefined): value is SourcedMap {
  return value instanceof Map;
}

export function isSourcedList(value: SourcedNode["value"] | undefined): value is readonly SourcedNode[] {
  return Array.isArray(value);
}

export function toPlainJson({ value }: SourcedNode): Json {
  if (isSourcedMap(value)) return plainObject(value);
  return isSourcedList(value) ? value.map(toPlainJson) : value;
}

export function plainObject(map: SourcedMap): JsonObject {
  return Object.fromEntries([...map].map(([key, item]) => [key, toPlainJson(item)]));
}
