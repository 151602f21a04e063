import type { DrawnGraph } from "./drawn-graph.ts";

/** A graph in layers, in which an edge goes from one layer to the next: longer ones have bends in between. */
export interface LayeredGraph {
  /** Tasks first, at their own places, then bends. */
  readonly layerOf: readonly number[];
  /** Nodes by layer, in their order from top to bottom. */
  readonly layers: readonly (readonly number[])[];
  /** Of each edge the nodes on its way, ends included. */
  readonly paths: readonly (readonly number[])[];
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
}

/** More rounds change little. */
const rounds = 24;

/** Orders each layer so that few edges cross: nodes go to the mean place of their neighbors, from both sides in turn. */
export function orderLayers(graph: DrawnGraph): LayeredGraph {
  const bent = withBends(graph);
  let layers: readonly (readonly number[])[] = bent.layers;
  let best = { layers, crossings: countCrossings(layers, bent.after) };
  for (let round = 0; round < rounds && best.crossings > 0; round += 1) {
    layers = sweep(layers, round % 2 === 0 ? bent.before : bent.after, round % 2 === 0);
    const crossings = countCrossings(layers, bent.after);
    if (crossings < best.crossings) best = { layers, crossings };
  }
  return { ...bent, layers: best.layers };
}

function withBends({ tasks, edges }: DrawnGraph): LayeredGraph {
  const layerOf = tasks.map(({ layer }) => layer);
  const paths = edges.map(({ from, to }) => {
    const path = [from];
    for (let layer = (layerOf[from] ?? 0) + 1; layer < (layerOf[to] ?? 0); layer += 1) {
      path.push(layerOf.length);
      layerOf.push(layer);
    }
    return [...path, to];
  });
  const before: number[][] = layerOf.map(() => []);
  const after: number[][] = layerOf.map(() => []);
  for (const path of paths) {
    path.slice(1).forEach((node, place) => {
      before[node]?.push(path[place] ?? 0);
      after[path[place] ?? 0]?.push(node);
    });
  }
  const layers: number[][] = [];
  for (const [node, layer] of layerOf.entries()) (layers[layer] ??= []).push(node);
  return { layerOf, layers, paths, before, after };
}

function sweep(
  layers: readonly (readonly number[])[],
  neighbors: readonly (readonly number[])[],
  isForward: boolean,
): readonly (readonly number[])[] {
  const next = layers.map((layer) => [...layer]);
  const places = placesIn(next);
  const order = [...next.keys()];
  for (const index of isForward ? order : order.toReversed()) {
    const layer = next[index] ?? [];
    const wanted = new Map(layer.map((node, place) => [node, mean(neighbors[node] ?? [], places) ?? place]));
    layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
    for (const [place, node] of layer.entries()) places[node] = place;
  }
  return next;
}

function placesIn(layers: readonly (readonly number[])[]): number[] {
  const places: number[] = [];
  for (const layer of layers) for (const [place, node] of layer.entries()) places[node] = place;
  return places;
}

function mean(nodes: readonly number[], places: readonly number[]): number | null {
  if (nodes.length === 0) return null;
  return nodes.reduce((sum, node) => sum + (places[node] ?? 0), 0) / nodes.length;
}

/** Pairs of edges between two layers whose ends are in opposite order. */
function countCrossings(layers: readonly (readonly number[])[], after: readonly (readonly number[])[]): number {
  const places = placesIn(layers);
  return layers.reduce((total, layer, index) => {
    const ends = layer.flatMap((node) => (after[node] ?? []).map((end) => places[end] ?? 0).toSorted((a, b) => a - b));
    return total + countInversions(ends, layers[index + 1]?.length ?? 0);
  }, 0);
}

/** Counts with a Fenwick tree: how many earlier ends lie behind each. */
function countInversions(ends: readonly number[], size: number): number {
  const tree = new Int32Array(size + 1);
  let inversions = 0;
  for (const [seen, end] of ends.entries()) {
    let before = 0;
    for (let at = end + 1; at > 0; at -= at & -at) before += tree[at] ?? 0;
    inversions += seen - before;
    for (let at = end + 1; at <= size; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
  }
  return inversions;
}
