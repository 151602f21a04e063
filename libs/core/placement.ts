import { functionPrefix } from "./function-capability.ts";
import type { PlanTask } from "./plan.ts";

/** What a worker says of itself that tasks may ask for. */
export interface WorkerTraits {
  readonly labels: Readonly<Record<string, string>>;
  /** Operator types that it runs; empty: any. */
  readonly operators: readonly string[];
  /** What its host can do beyond running a process: kinds of isolation. */
  readonly capabilities: readonly string[];
}

/** The worker has every label and capability that the task must have, and runs its operator. */
export function mayRunOn({ labels, operatorType, capabilities = [] }: PlanTask, worker: WorkerTraits): boolean {
  const runs = worker.operators.length === 0 || worker.operators.includes(operatorType);
  const can = capabilities.every((capability) => worker.capabilities.includes(capability));
  return runs && can && hasLabels(worker, labels?.required ?? {});
}

/** Not every worker of its queue may have it: it asks for labels, capabilities, resources, or the handler of a function. */
export function isPlaced({ labels, operatorType, capabilities = [], requests }: PlanTask): boolean {
  const asks = capabilities.length > 0 || requests !== undefined || Object.keys(labels?.required ?? {}).length > 0;
  return asks || operatorType.startsWith(functionPrefix);
}

/** The worker has every label that the task would like to have. */
export function isPreferredOn({ labels }: PlanTask, worker: WorkerTraits): boolean {
  return hasLabels(worker, labels?.preferred ?? {});
}

function hasLabels({ labels }: WorkerTraits, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
