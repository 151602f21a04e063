import type { InstanceChange } from "#core/decision.ts";
import type { Plan, PlanTask } from "#core/plan.ts";
import type { Instance } from "#core/run-model.ts";
import type { RowShape } from "./run-row.ts";

interface Column {
  readonly name: string;
  readonly type: "text" | "bigint" | "integer" | "boolean" | "jsonb" | "ms";
  readonly value: (instance: Instance, task: PlanTask) => string | number | boolean | object | null;
}

/** What a change may write. Times travel as milliseconds and are converted in the statement. */
const mutableColumns: readonly Column[] = [
  { name: "state", type: "text", value: (i) => i.state },
  { name: "reason", type: "text", value: (i) => i.reason },
  { name: "generation", type: "integer", value: (i) => i.generation },
  { name: "fence", type: "bigint", value: (i) => i.fence },
  { name: "try_number", type: "integer", value: (i) => i.tryNumber },
  { name: "infra_tries", type: "integer", value: (i) => i.infraTries },
  { name: "free_tries", type: "integer", value: (i) => i.freeTries },
  { name: "in_degree", type: "integer", value: (i) => i.inDegree },
  { name: "parents_success", type: "integer", value: (i) => i.parents.success },
  { name: "parents_failed", type: "integer", value: (i) => i.parents.failed },
  { name: "parents_upstream_failed", type: "integer", value: (i) => i.parents.upstreamFailed },
  { name: "parents_skipped", type: "integer", value: (i) => i.parents.skipped },
  { name: "exempt_parents", type: "integer", value: (i) => i.exemptParents },
  { name: "exempt", type: "boolean", value: (i) => i.exempt },
  { name: "held", type: "boolean", value: (i) => i.held },
  { name: "held_fence", type: "bigint", value: (i) => i.heldFence },
  { name: "awaits_evaluation", type: "boolean", value: (i) => i.awaitsEvaluation },
  { name: "due_at", type: "ms", value: (i) => i.dueAt },
  { name: "waits_for", type: "text", value: (i) => i.waitsFor },
  { name: "queue_timeout_at", type: "ms", value: (i, task) => plus(i.queuedAt, task.queueTimeoutMs) },
  { name: "retry_timeout_at", type: "ms", value: (i, task) => plus(i.firstStartedAt, task.retry.retryTimeoutMs) },
  { name: "queued_at", type: "ms", value: (i) => i.queuedAt },
  { name: "first_started_at", type: "ms", value: (i) => i.firstStartedAt },
  { name: "started_at", type: "ms", value: (i) => i.startedAt },
  { name: "ended_at", type: "ms", value: (i) => i.endedAt },
  { name: "worker_key", type: "bigint", value: (i) => i.workerKey },
  { name: "last_error", type: "text", value: (i) => i.lastError },
  { name: "items_total", type: "integer", value: (i) => i.itemsTotal },
  { name: "items_ended", type: "integer", value: (i) => i.itemsEnded },
  { name: "items_failed", type: "integer", value: (i) => i.itemsFailed },
];

/** What an instance is made with and never changes. */
const fixedColumns: readonly Column[] = [
  { name: "task_id", type: "text", value: (_, task) => task.id },
  { name: "map_index", type: "integer", value: (i) => i.mapIndex },
  { name: "item_key", type: "text", value: (i) => i.itemKey },
];

/** What follows from the version, copied so that a pick needs no join; a rerun on another version writes it again. */
const versionColumns: readonly Column[] = [
  { name: "task_index", type: "integer", value: (i) => i.task },
  { name: "operator_type", type: "text", value: (_, task) => task.operatorType },
  { name: "queue", type: "text", value: (_, task) => task.queue },
  { name: "backend", type: "text", value: (_, task) => task.backend },
  { name: "pool", type: "text", value: (_, task) => task.pool },
  { name: "labels", type: "jsonb", value: (_, task) => someOf(task.labels?.required) },
  { name: "preferred_labels", type: "jsonb", value: (_, task) => someOf(task.labels?.preferred) },
  { name: "capabilities", type: "jsonb", value: (_, task) => someOf(task.capabilities) },
  { name: "resources", type: "jsonb", value: (_, task) => task.requests ?? null },
  { name: "priority", type: "integer", value: (_, task) => task.priority },
];

const movedColumns = [...versionColumns, ...mutableColumns];
const allColumns = [...fixedColumns, ...movedColumns];

/** What the run `i` belongs to adds to its definition's priority. */
export const priorityOffset = "(SELECT o.priority_offset FROM dag_runs o WHERE o.run_key = i.run_key)";

/** The attempt that was held before is held still. */
const isHeldOn = "i.held AND t.held AND i.held_fence = t.held_fence";

/** What every change writes of its instances. */
export const changedInstance: RowShape = {
  record: recordOf(mutableColumns),
  assignments: `${assignmentsOf(mutableColumns)}, held_resources = CASE WHEN ${isHeldOn} THEN t.held_resources END`,
};

/** What a rerun writes that changes the version. */
export const movedInstance: RowShape = {
  record: `${recordOf(movedColumns)}, dag_priority integer`,
  assignments: `${assignmentsOf(movedColumns)}, dag_priority = i.dag_priority + ${priorityOffset},
    held_resources = CASE WHEN ${isHeldOn} THEN COALESCE(t.held_resources, t.resources, '{}') END`,
};

/** The record type for new rows. */
export const newInstanceRecord = recordOf(allColumns);

export const newInstanceColumns = allColumns.map((column) => column.name).join(", ");
export const newInstanceValues = allColumns.map(read).join(", ");

function recordOf(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `${name} ${type === "ms" ? "double precision" : type}`).join(", ");
}

function assignmentsOf(columns: readonly Column[]): string {
  return columns.map((column) => `${column.name} = ${read(column)}`).join(", ");
}

function read(column: Column): string {
  return column.type === "ms" ? `from_ms(i.${column.name})` : `i.${column.name}`;
}

/** Null where there are none, so that most rows have nothing to compare. */
function someOf(asked: Readonly<Record<string, string>> | readonly string[] = []): object | null {
  return Object.keys(asked).length === 0 ? null : asked;
}

function plus(at: number | null, durationMs: number | null): number | null {
  return at === null || durationMs === null ? null : at + durationMs;
}

/** A changed row with the guard that its write must find; `isMoved`: with what follows from the version. */
export function toChangedRow(change: InstanceChange, plan: Plan, isMoved: boolean): Record<string, unknown> {
  const guard = change.guard;
  const values = isMoved
    ? { ...toValues(movedColumns, change.next, plan), dag_priority: plan.priority }
    : toValues(mutableColumns, change.next, plan);
  return { ...values, guard_state: guard?.state, guard_fence: guard?.fence };
}

export function toNewRow(instance: Instance, plan: Plan): Record<string, unknown> {
  return toValues(allColumns, instance, plan);
}

function toValues(columns: readonly Column[], instance: Instance, plan: Plan): Record<string, unknown> {
  const task = plan.tasks[instance.task];
  if (task === undefined) throw new Error(`the plan has no task ${instance.task}`);
  const row: Record<string, unknown> = { ordinal: instance.ordinal };
  for (const column of columns) {
    const value = column.value(instance, task);
    if (value !== null) row[column.name] = value;
  }
  return row;
}
