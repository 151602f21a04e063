import { functionPrefix } from "./function-capability.ts";
import type { PlanTask } from "./plan.ts";

/** What a worker says of itself that tasks may ask for. */
export interface WorkerTraits {
  readonly labels: Readonly<Record<string, string>>;
  /** Operator types that it runs; empty: any. */
  readonly operators: readonly string[];
}

/** The worker has every label that the task must have, and runs its operator. */
export function mayRunOn({ labels, operatorType }: PlanTask, worker: WorkerTraits): boolean {
  const runs = worker.operators.length === 0 || worker.operators.includes(operatorType);
  return runs && hasLabels(worker, labels?.required ?? {});
}

/** Not every worker of its queue may have it: it asks for labels, or for the handler of a function. */
export function isPlaced({ labels, operatorType }: PlanTask): boolean {
  return operatorType.startsWith(functionPrefix) || Object.keys(labels?.required ?? {}).length > 0;
}

/** The worker has every label that the task would like to have. */
export function isPreferredOn({ labels }: PlanTask, worker: WorkerTraits): boolean {
  return hasLabels(worker, labels?.preferred ?? {});
}

function hasLabels({ labels }: WorkerTraits, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
