import type { EventVerdict } from "#core/event-verdict.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { Definition } from "#definition/model.ts";
import { compileDefinition, type CompiledTask } from "#definition/rendering/compile-definition.ts";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Store } from "#ports/store.ts";
import { removalText } from "#rpc/removal-text.ts";

export interface RemovedOutputsDeps {
  readonly store: Store;
  readonly operators: OperatorSchemas;
}

interface JudgedRepair {
  readonly run: RunAggregate;
  readonly event: RunEvent;
  /** What the event would come to. */
  readonly judge: () => Promise<EventVerdict | null>;
}

/** Readers that one error names. */
const maxNamed = 5;

/**
 * What a repair's answer warns of, since outputs of the run were removed. Throws OUTPUTS_REMOVED when a task that would run
 * again reads outputs of one that is kept and has lost them.
 */
export async function checkRemovedOutputs(deps: RemovedOutputsDeps, repair: JudgedRepair): Promise<readonly string[]> {
  const { run, event } = repair;
  const removals = await deps.store.retention.listRemovals(run.run.runKey);
  const removal = removals.find(({ kind }) => kind === "outputs");
  if (removal === undefined) return [];
  const verdict = await repair.judge();
  const planned = verdict?.accepted === true ? (verdict.repair?.tasks ?? []) : [];
  const again = new Set(planned.flatMap(({ action, taskId }) => (action === "rerun" ? [taskId] : [])));
  if (again.size === 0) return [];
  const kept = new Set(planned.flatMap(({ action, taskId }) => (action === "keep" ? [taskId] : [])));
  const lost = listEnded(run, removal.removedAt).filter((taskId) => kept.has(taskId));
  const readers = (await readTasks(deps, run, event)).filter(({ definition }) => again.has(definition.id));
  const broken = readers.flatMap((task) => brokenInputs(task, new Set(lost)));
  const why = removalText("outputs", removal.retentionMs);
  if (broken.length === 0) return lost.length === 0 ? [] : [`${why}, also those of what is kept: ${lost.join(", ")}`];
  const named = broken.slice(0, maxNamed).map(({ task, from }) => `task ${task} reads those of ${from}`);
  const sources = [...new Set(broken.map(({ from }) => from))];
  const rest = broken.length > maxNamed ? ", and others" : "";
  const message = `${why}, and ${named.join(", ")}${rest}; let ${sources.join(", ")} run again, too`;
  throw new AppError("OUTPUTS_REMOVED", message, { details: { dag_run_id: run.run.runId, tasks: sources } });
}

/** Tasks that had ended by then, and have not begun again since. */
function listEnded({ plan, instances }: RunAggregate, by: number): readonly string[] {
  return instances.flatMap(({ mapIndex, task, endedAt }) => {
    const id = plan.tasks[task]?.id;
    return mapIndex === null && id !== undefined && endedAt !== null && endedAt <= by ? [id] : [];
  });
}

/** The tasks of the version that the run then has. */
async function readTasks(
  { store, operators }: RemovedOutputsDeps,
  { run }: RunAggregate,
  event: RunEvent,
): Promise<readonly CompiledTask[]> {
  const target = event.kind === "rerun" ? (event.target?.version ?? null) : null;
  const stored = await store.definitions.getVersion(target?.versionKey ?? run.versionKey);
  // It was checked when it was registered, and the store keeps it as it was.
  return stored === null ? [] : compileDefinition(stored.definition as Definition, operators).tasks;
}

function brokenInputs(
  { definition, outputRefs, forEach }: CompiledTask,
  lost: ReadonlySet<string>,
): readonly { readonly task: string; readonly from: string }[] {
  const sources = new Set([...outputRefs, ...(forEach?.outputRefs ?? [])].map(({ task }) => task));
  return [...sources].filter((from) => lost.has(from)).map((from) => ({ task: definition.id, from }));
}
