import { computeLayers, type Graph, parentEdges } from "#core/graph.ts";

/** Answers whether one task comes before another, for a whole graph at once. */
export interface AncestorSets {
  /** True when `ancestor` is somewhere above `task`; null when the task lies on or behind a cycle. */
  isAncestor(ancestor: number, task: number): boolean | null;
}

/** Direct parents are looked up in the graph; only a question beyond them builds the sets, one bit per pair of tasks. */
export function createAncestorSets(graph: Graph): AncestorSets {
  let sets: readonly (Uint32Array | undefined)[] | null = null;
  return {
    isAncestor(ancestor, task) {
      for (const parent of parentEdges(graph, task)) if (parent.task === ancestor) return true;
      sets ??= buildSets(graph);
      const set = sets[task];
      return set === undefined ? null : ((set[ancestor >>> 5] ?? 0) & (1 << (ancestor & 31))) !== 0;
    },
  };
}

function buildSets(graph: Graph): readonly (Uint32Array | undefined)[] {
  const sets: (Uint32Array | undefined)[] = Array.from({ length: graph.size });
  const words = Math.ceil(graph.size / 32);
  for (const layer of computeLayers(graph)) {
    for (const task of layer) {
      const set = new Uint32Array(words);
      for (const parent of parentEdges(graph, task)) {
        set[parent.task >>> 5] = (set[parent.task >>> 5] ?? 0) | (1 << (parent.task & 31));
        const above = sets[parent.task];
        if (above !== undefined)
          for (let word = 0; word < words; word += 1) set[word] = (set[word] ?? 0) | (above[word] ?? 0);
      }
      sets[task] = set;
    }
  }
  return sets;
}
