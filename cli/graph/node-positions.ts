import type { LayeredGraph } from "./layered-order.ts";

export interface Spacing {
  /** Between the middles of two tasks, and where at least one is a bend of an edge. */
  readonly tasks: number;
  readonly bends: number;
}

/** More rounds change little. */
const rounds = 20;
/** Long edges are kept straight before tasks are centered. */
const bendWeight = 8;

/**
 * The middle of each node across the layers, from 0: as near to its neighbors as the order and the spacing allow. The
 * number of tasks tells them from bends.
 */
export function placeNodes(graph: LayeredGraph, taskCount: number, spacing: Spacing): readonly number[] {
  const positions: number[] = [];
  const isBend = (node: number): boolean => node >= taskCount;
  const gaps = graph.layers.map((layer) =>
    layer.map((node, place) => {
      if (place === 0) return 0;
      return isBend(node) || isBend(layer[place - 1] ?? 0) ? spacing.bends : spacing.tasks;
    }),
  );
  for (const [index, layer] of graph.layers.entries()) {
    let at = 0;
    for (const [place, node] of layer.entries()) {
      at += gaps[index]?.[place] ?? 0;
      positions[node] = at;
    }
  }
  const weightOf = (node: number, neighbor: number): number => (isBend(node) && isBend(neighbor) ? bendWeight : 1);
  for (let round = 0; round < rounds; round += 1) {
    const sides = round === rounds - 1 ? [graph.before, graph.after] : [round % 2 === 0 ? graph.before : graph.after];
    const order = [...graph.layers.keys()];
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const layer = graph.layers[index] ?? [];
      const wanted = layer.map((node) => {
        const neighbors = sides.flatMap((side) => side[node] ?? []);
        return weightedMean(neighbors, positions, (neighbor) => weightOf(node, neighbor)) ?? positions[node] ?? 0;
      });
      const placed = spread(wanted, gaps[index] ?? []);
      for (const [place, node] of layer.entries()) positions[node] = placed[place] ?? 0;
    }
  }
  const least = positions.reduce((low, each) => Math.min(low, each), positions[0] ?? 0);
  return positions.map((each) => each - least);
}

function weightedMean(
  nodes: readonly number[],
  positions: readonly number[],
  weightOf: (node: number) => number,
): number | null {
  if (nodes.length === 0) return null;
  const weights = nodes.reduce((sum, node) => sum + weightOf(node), 0);
  return nodes.reduce((sum, node) => sum + (positions[node] ?? 0) * weightOf(node), 0) / weights;
}

/**
 * The places nearest to the wanted ones (least squares) that keep the order and the gaps: without the gaps this is
 * isotonic regression, which pools neighbors that are out of order.
 */
function spread(wanted: readonly number[], gaps: readonly number[]): readonly number[] {
  let offset = 0;
  const offsets = gaps.map((gap) => (offset += gap));
  const pools: { sum: number; count: number }[] = [];
  for (const [place, each] of wanted.entries()) {
    let pool = { sum: each - (offsets[place] ?? 0), count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.count > pool.sum / pool.count; ) {
      pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
      pools.pop();
      last = pools.at(-1);
    }
    pools.push(pool);
  }
  const values = pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
  return values.map((value, place) => value + (offsets[place] ?? 0));
}
