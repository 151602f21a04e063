import { closestName } from "#core/closest-name.ts";
import type { AncestorSets } from "../checks/ancestor-sets.ts";
import { type TaskGraph, unknownTask } from "../checks/check-graph.ts";
import type { ExpressionIssue, ExpressionNames, RootName } from "./expression-names.ts";
import type { DeclaredOutputs } from "../model.ts";
import { proposal } from "../problem-list.ts";

/** What expressions at one place of the definition may read. */
export interface ExpressionScope {
  /** Names that exist here; the others are known elsewhere only. */
  readonly roots: ReadonlySet<RootName>;
  /** Where the place is, for messages: "in the default of a parameter". */
  readonly place: string;
  readonly parameters: ReadonlySet<string>;
  /** Parameters that are set later than this place is rendered. */
  readonly laterParameters: ReadonlySet<string>;
  /** The task that the place belongs to; null when it belongs to none. */
  readonly task: { readonly index: number; readonly id: string } | null;
}

const always: readonly RootName[] = [
  "params",
  "execution_date",
  "data_interval_start",
  "data_interval_end",
  "now",
  "run",
];
const ofRequests: readonly RootName[] = ["body", "headers"];
const ofMessages: readonly RootName[] = ["key", "value", "headers", "partition", "offset", "timestamp"];
const ofTasks: readonly RootName[] = [...always, "task_instance", "outputs"];
const ofItems: readonly RootName[] = ["item", "item_index"];
const ofHooks: readonly RootName[] = [...ofTasks, "ended"];
/** The list of a `for_each` is read again for each of its items, so it must not change meanwhile. */
const ofLists = ofTasks.filter((name) => name !== "now");

/** Roots by the time at which a place is rendered. */
export const rootsOf = {
  newRun: new Set(always),
  taskDefaults: new Set<RootName>([...always, "task_instance", "temp_dir"]),
  readyTask: new Set(ofTasks),
  defaultEnvironment: new Set<RootName>([...always, "task_instance", "temp_dir", "secrets"]),
  attempt: new Set<RootName>([...ofTasks, "temp_dir", "secrets"]),
  itemAttempt: new Set<RootName>([...ofTasks, ...ofItems, "temp_dir", "secrets"]),
  /** No worker has its secrets, and it has no directory. */
  waitingTask: new Set(ofTasks),
  waitingItem: new Set([...ofTasks, ...ofItems]),
  readyHook: new Set(ofHooks),
  hookAttempt: new Set<RootName>([...ofHooks, "temp_dir", "secrets"]),
  itemList: new Set(ofLists),
  itemKey: new Set([...ofLists, ...ofItems]),
  webhook: new Set(ofRequests),
  message: new Set(ofMessages),
} as const;

/** The tasks whose outputs can be read. */
export interface ReadableTasks {
  readonly graph: TaskGraph;
  readonly ancestors: AncestorSets;
  /** By the place of the task; null where it declares none. */
  readonly outputs: readonly (DeclaredOutputs | null)[];
}

/** What the names of one expression get wrong; offsets are theirs. */
export function checkNames(
  names: ExpressionNames,
  scope: ExpressionScope,
  tasks: ReadableTasks,
): readonly ExpressionIssue[] {
  const issues: ExpressionIssue[] = [];
  for (const { name, field, offset } of names.roots) {
    if (!scope.roots.has(name)) issues.push({ offset, ...unreadable(name, scope) });
    // What must stay the same knows neither the time nor, since it comes later, the run's start.
    else if (name === "run" && field === "start_date" && !scope.roots.has("now"))
      issues.push({ offset, ...unreadable("run.start_date", scope) });
  }
  for (const { name, offset } of scope.roots.has("params") ? names.parameters : []) {
    if (!scope.parameters.has(name)) issues.push({ offset, ...undeclared(name, scope) });
  }
  if (!scope.roots.has("outputs") || scope.task === null) return issues;
  for (const { task, key, offset } of names.outputs) {
    const issue = outputIssue({ task, key }, scope.task, tasks);
    if (issue !== null) issues.push({ offset, ...issue });
  }
  return issues;
}

type Finding = Omit<ExpressionIssue, "offset">;

function unreadable(name: string, scope: ExpressionScope): Finding {
  return { code: "UNKNOWN_NAME", message: `\`${name}\` can't be read ${scope.place}`, hint: whereToRead(name, scope) };
}

function whereToRead(name: string, { roots }: ExpressionScope): string {
  if (ofItems.some((known) => known === name))
    return "it exists in `operator` and `environment` of a task with `for_each`";
  if (name === "ended") return "it exists in hooks alone: `on_success` and `on_failure`";
  if (name === "secrets") return "secrets exist in `operator` and `environment` alone";
  if (name === "headers") return "it exists in `webhooks`, and in `match` of a kafka sensor";
  if (ofRequests.some((known) => known === name)) return "it exists in `webhooks` alone";
  if (ofMessages.some((known) => known === name)) return "it exists in `match` of a kafka sensor alone";
  if (roots.has("partition")) return `a message has ${ofMessages.map((known) => `\`${known}\``).join(", ")}`;
  return roots.has("body") ? "a webhook reads `body` and `headers`" : "";
}

function undeclared(name: string, { parameters, laterParameters }: ExpressionScope): Finding {
  if (laterParameters.has(name)) {
    return {
      code: "UNKNOWN_NAME",
      message: `the parameter \`${name}\` is set after this one`,
      hint: "declare it first; a default may read earlier parameters only",
    };
  }
  const near = closestName(name, parameters);
  const hint = near === null ? "declare it under `parameters`" : proposal(`params.${near}`);
  return { code: "UNDECLARED_PARAMETER", message: `the parameter \`${name}\` is not declared`, hint, warning: true };
}

function outputIssue(
  { task: name, key }: { readonly task: string; readonly key: string },
  reader: { readonly index: number; readonly id: string },
  { graph: { places }, ancestors, outputs }: ReadableTasks,
): Finding | null {
  if (name === reader.id) return { code: "SELF_REFERENCE", message: `the task \`${name}\` reads its own output` };
  const place = places.get(name);
  if (place === undefined) return unknownTask(name, places.keys());
  if (ancestors.isAncestor(place, reader.index) !== false) return undeclaredOutput(name, key, outputs[place] ?? null);
  return {
    code: "NOT_AN_ANCESTOR",
    message: `\`${reader.id}\` reads an output of \`${name}\`, which need not have run before it`,
    hint: `add \`${name}\` to its dependencies`,
  };
}

/** A task that declares outputs is read by these names alone. */
function undeclaredOutput(name: string, key: string, declared: DeclaredOutputs | null): Finding | null {
  if (declared === null || Object.hasOwn(declared, key)) return null;
  const near = closestName(key, Object.keys(declared));
  const hint = near === null ? `declare it under \`outputs\` of \`${name}\`` : proposal(`outputs.${name}.${near}`);
  return { code: "UNKNOWN_OUTPUT", message: `the task \`${name}\` declares no output \`${key}\``, hint };
}
