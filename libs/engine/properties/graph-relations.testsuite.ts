export interface GraphTask {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** Tasks in the order of their registration, which need not have parents first. */
export interface RandomGraph {
  readonly shape: string;
  readonly tasks: readonly GraphTask[];
}

export function idsOf(graph: RandomGraph): readonly string[] {
  return graph.tasks.map(({ id }) => id);
}

export function rootsOf(graph: RandomGraph): readonly string[] {
  return graph.tasks.filter(({ dependsOn }) => dependsOn.length === 0).map(({ id }) => id);
}

export function childrenOf(graph: RandomGraph, id: string): readonly string[] {
  return graph.tasks.filter(({ dependsOn }) => dependsOn.includes(id)).map((task) => task.id);
}

/** What depends on a task, directly or not. */
export function descendantsOf(graph: RandomGraph, id: string): readonly string[] {
  const found = new Set(childrenOf(graph, id));
  for (const child of found) {
    for (const next of childrenOf(graph, child)) found.add(next);
  }
  return [...found];
}

/** For comparisons where the order says nothing. */
export function sorted(ids: Iterable<string>): readonly string[] {
  return [...ids].sort();
}

/** One of several, by a number of any size. */
export function choose<T>(choices: readonly T[], pick: number): T {
  if (choices.length === 0) throw new Error("there is nothing to choose from");
  return choices.at(pick % choices.length) as T;
}
