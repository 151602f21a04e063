import type { Path } from "../problem-list.ts";
import { isSourcedList, isSourcedMap, type SourcedNode } from "./sourced-tree.ts";

/** The node at the path, or the nearest one above it. */
export function nodeAt(root: SourcedNode, path: Path): { readonly node: SourcedNode; readonly isFound: boolean } {
  let node = root;
  for (const step of path) {
    const next = childOf(node, step);
    if (next === undefined) return { node, isFound: false };
    node = next;
  }
  return { node, isFound: true };
}

function childOf({ value }: SourcedNode, step: string | number): SourcedNode | undefined {
  if (isSourcedMap(value)) return value.get(String(step));
  return isSourcedList(value) && typeof step === "number" ? value[step] : undefined;
}

/** Where a character of a node's text was written. */
export function writtenOffset({ spans }: SourcedNode, offset: number): number {
  const span = spans?.findLast(({ start }) => start <= offset);
  return span === undefined ? offset : span.writtenAt + offset - span.start;
}

/** Whether example values had a part in the node. */
export function isMadeUp({ isMadeUp: own, value }: SourcedNode): boolean {
  if (own === true) return true;
  if (isSourcedMap(value)) return [...value.values()].some(isMadeUp);
  return isSourcedList(value) && value.some(isMadeUp);
}
