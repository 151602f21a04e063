import { buildGraph } from "#core/graph.ts";
import type { ParentEdge, TaskGraph } from "../checks/check-graph.ts";
import type { HookOutline } from "./read-hooks.ts";

/** The graph with the hooks behind its tasks; those of the run come after all tasks. No task can name a hook. */
export function graphWithHooks({ graph, parents, places }: TaskGraph, hooks: readonly HookOutline[]): TaskGraph {
  if (hooks.length === 0) return { graph, parents, places };
  const everyTask = parents.map((_, task): ParentEdge => ({ task, on: "success" }));
  const ofHooks = hooks.map(({ hook: { task } }): readonly ParentEdge[] =>
    task === null ? everyTask : [{ task, on: "success" }],
  );
  const all = [...parents, ...ofHooks];
  return { graph: buildGraph(all.map((edges) => ({ parents: edges }))), parents: all, places };
}
