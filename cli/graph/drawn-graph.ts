import { buildGraph, computeLayers, type EdgeCondition } from "#core/graph.ts";
import type { Definition, TaskDefinition } from "#definition/model.ts";

export interface DrawnTask {
  readonly id: string;
  /** The kind of work and what is special about it, e.g. `bash`, `one per item`, `none_failed`. */
  readonly notes: readonly string[];
  /** Tasks of one layer depend on nothing in it; every parent is in an earlier one. */
  readonly layer: number;
}

/** Ends are places in `tasks`. */
export interface DrawnEdge {
  readonly from: number;
  readonly to: number;
  readonly on: EdgeCondition;
}

/** What every drawing of a definition is made from. */
export interface DrawnGraph {
  readonly id: string;
  readonly tasks: readonly DrawnTask[];
  readonly edges: readonly DrawnEdge[];
}

export function toDrawnGraph({ id, tasks }: Definition): DrawnGraph {
  const places = new Map(tasks.map((task, place) => [task.id, place]));
  const nodes = tasks.map(({ dependencies }) => ({
    parents: dependencies.map(({ task, on }) => ({ task: places.get(task) ?? 0, on })),
  }));
  const layers = computeLayers(buildGraph(nodes));
  const layerOf = new Map(layers.flatMap((layer, index) => layer.map((task) => [task, index] as const)));
  const edges = nodes.flatMap(({ parents }, to) => parents.map(({ task: from, on }) => ({ from, to, on })));
  const lastLayers = latestLayers(layerOf, edges);
  return {
    id,
    tasks: tasks.map((task, place) => ({
      id: task.id,
      notes: notesOf(task),
      layer: lastLayers.get(place) ?? layerOf.get(place) ?? 0,
    })),
    edges,
  };
}

/** A task that waits for nobody stands right before the first that waits for it, so that no edge is longer than needed. */
function latestLayers(layerOf: ReadonlyMap<number, number>, edges: readonly DrawnEdge[]): ReadonlyMap<number, number> {
  const waiting = new Set(edges.map(({ to }) => to));
  const latest = new Map<number, number>();
  for (const { from, to } of edges) {
    if (waiting.has(from)) continue;
    const before = (layerOf.get(to) ?? 0) - 1;
    latest.set(from, Math.min(before, latest.get(from) ?? before));
  }
  return latest;
}

function notesOf({ type, forEach, triggerRule, when, retry, allowFailure, hook }: TaskDefinition): string[] {
  return [
    type,
    forEach === undefined ? "" : "one per item",
    triggerRule === "all_success" ? "" : triggerRule,
    when === null ? "" : "conditional",
    retry.maxRetries === 0 ? "" : `${retry.maxRetries} ${retry.maxRetries === 1 ? "retry" : "retries"}`,
    hook === undefined ? (allowFailure ? "may fail" : "") : `hook on ${hook.on}`,
  ].filter((note) => note !== "");
}
