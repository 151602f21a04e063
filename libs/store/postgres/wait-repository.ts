import { unstartedWait } from "#core/unstarted-wait.ts";
import type {
  ApprovalView,
  ChildOfWait,
  OpenWait,
  StoredWait,
  WaitKey,
  WaitKind,
  WaitStore,
} from "#ports/wait-store.ts";
import { readInstanceId } from "../instance-id.ts";
import { approvals, getApproval } from "./approval-statements.ts";
import * as children from "./child-statements.ts";
import type { Database } from "./database.ts";
import { readPage } from "./page-statement.ts";
import * as statements from "./wait-statements.ts";

interface WaitRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly try_number: number;
  readonly kind: WaitKind;
  readonly timeout_ms: number | null;
  readonly depth: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly child_run_id: string | null;
}

interface LookRow {
  readonly has_unstarted: boolean;
  readonly has_due: boolean;
  readonly has_children: boolean;
  readonly next_due_in_ms: number | null;
}

interface OpenRow extends WaitRow {
  readonly run_id: string;
  readonly fence: number;
  readonly started_at: number;
}

interface ApprovalRow extends OpenRow {
  readonly dag_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly item_key: string | null;
}

interface ChildRow extends WaitRow {
  readonly fence: number | null;
  readonly child_key: number | null;
  readonly child_state: string | null;
  readonly child_has_ended: boolean;
}

export function createWaitRepository(database: Database): WaitStore {
  return {
    async look() {
      const [row] = await database.query<LookRow>(statements.lookAtWaits, [unstartedWait]);
      return {
        hasUnstarted: row?.has_unstarted ?? false,
        hasDue: row?.has_due ?? false,
        hasChildren: row?.has_children ?? false,
        nextDueInMs: row?.next_due_in_ms ?? null,
      };
    },
    async listUnstarted(limit) {
      const rows = await database.query<Pick<WaitRow, "run_key" | "ordinal">>(statements.listUnstarted, [
        unstartedWait,
        limit,
      ]);
      return rows.map(({ run_key: runKey, ordinal }) => ({ runKey, ordinal }));
    },
    async save(wait) {
      const values = [...valuesOf(wait), wait.kind, wait.timeoutMs, wait.depth, wait.details];
      // Of two that write at once the later one may see neither row: it looks again.
      const [row] = await database.query<WaitRow>(statements.saveWait, values);
      const [known] = row === undefined ? await database.query<WaitRow>(statements.saveWait, values) : [row];
      if (known === undefined) throw new Error(`the wait of instance ${wait.runKey}/${wait.ordinal} was not stored`);
      return fromRow(known);
    },
    async listDue(limit) {
      return (await database.query<OpenRow>(statements.listDueWaits, [limit])).map(fromOpenRow);
    },
    async setChild(key, childRunId) {
      await database.query(children.setChild, [...valuesOf(key), childRunId]);
    },
    async listChildren(limit) {
      return (await database.query<ChildRow>(children.listChildren, [limit])).map(fromChildRow);
    },
    async closeChild(key) {
      await database.query(children.closeChild, valuesOf(key));
    },
    async depthOf(runId) {
      const [row] = await database.query<{ depth: number }>(children.depthOfRun, [runId]);
      return row?.depth ?? 0;
    },
    listApprovals(page, { dagId, assignee }) {
      const conditions = [
        ...(dagId === null ? [] : [{ sql: "r.dag_id = ?", value: dagId }]),
        ...(assignee === null
          ? []
          : [{ sql: "(w.details -> 'assignees')::jsonb @> to_jsonb(?::text)", value: assignee }]),
      ];
      return readPage<ApprovalRow, ApprovalView>(database, page, {
        ...approvals,
        conditions,
        order: [
          { sql: "t.started_at", type: "timestamptz", descending: false },
          { sql: "t.run_key", type: "bigint", descending: false },
          { sql: "t.ordinal", type: "integer", descending: false },
        ],
        sorts: {},
        toItem: fromApprovalRow,
      });
    },
    async getApproval(instanceId) {
      const readings = readInstanceId(instanceId);
      const values = [readings.map((reading) => reading.runId), readings.map((reading) => reading.rest)];
      const [row] = await database.query<ApprovalRow>(getApproval, values);
      return row === undefined ? null : fromApprovalRow(row);
    },
  };
}

function valuesOf({ runKey, ordinal, generation, tryNumber }: WaitKey): unknown[] {
  return [runKey, ordinal, generation, tryNumber];
}

function fromRow(row: WaitRow): StoredWait {
  return {
    runKey: row.run_key,
    ordinal: row.ordinal,
    generation: row.generation,
    tryNumber: row.try_number,
    kind: row.kind,
    timeoutMs: row.timeout_ms,
    depth: row.depth,
    details: row.details,
    childRunId: row.child_run_id,
  };
}

function fromOpenRow(row: OpenRow): OpenWait {
  return { ...fromRow(row), runId: row.run_id, fence: row.fence, startedAt: row.started_at };
}

function fromApprovalRow(row: ApprovalRow): ApprovalView {
  const { dag_id: dagId, task_id: taskId, map_index: mapIndex, item_key: itemKey } = row;
  return { ...fromOpenRow(row), dagId, taskId, mapIndex, itemKey };
}

function fromChildRow(row: ChildRow): ChildOfWait {
  const { fence, child_key: runKey, child_state: state, child_has_ended: hasEnded } = row;
  return { wait: fromRow(row), fence, child: runKey === null || state === null ? null : { runKey, state, hasEnded } };
}
