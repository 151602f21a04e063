import type { PickedInstance } from "#ports/queued-instance.ts";

export type DeploymentBackend = "local" | "stream" | "kafka";

/**
 * How this executor's attempts reach machines. One process serves every word that a definition may say, since a definition
 * runs at every size; a cluster serves `kafka` where it has a broker, and never `local`.
 */
export interface ServedBackends {
  /** For what names none. */
  readonly deployment: DeploymentBackend;
  readonly served: ReadonlySet<string>;
}

export function servedBackends(deployment: DeploymentBackend, hasBus: boolean): ServedBackends {
  const others = deployment === "local" ? ["stream", "kafka"] : ["stream", ...(hasBus ? ["kafka"] : [])];
  return { deployment, served: new Set([deployment, ...others]) };
}

export function isServed({ served }: ServedBackends, backend: string | null): boolean {
  return backend === null || served.has(backend);
}

/** Whether the instance is to be offered by a ticket. */
export function isForTickets({ deployment }: ServedBackends, { backend }: Pick<PickedInstance, "backend">): boolean {
  return (backend ?? deployment) === "kafka";
}
