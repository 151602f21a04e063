import type { Instance } from "#core/run-model.ts";
import { unstartedWait } from "#core/unstarted-wait.ts";
import type { ApprovalView, ChildOfWait, OpenWait, StoredWait, WaitKey, WaitStore } from "#ports/wait-store.ts";
import { readInstanceId } from "../instance-id.ts";
import type { KeptWait, MemoryState } from "./memory-state.ts";
import { type MemoryOrder, pageOf } from "./page.ts";
import type { InstanceRef } from "./run-indexes.ts";
import type { StoredRun } from "./stored-run.ts";

const oldestFirst: readonly MemoryOrder<ApprovalView>[] = [
  { value: (view) => view.startedAt, descending: false },
  { value: (view) => view.runKey, descending: false },
  { value: (view) => view.ordinal, descending: false },
];

export function createMemoryWaits(state: MemoryState): WaitStore {
  const { waits } = state;
  const update = (key: WaitKey, change: (known: KeptWait) => KeptWait): void => {
    const known = waits.get(nameOf(key));
    if (known !== undefined) waits.set(nameOf(key), change(known));
  };
  const open = (): readonly Waiting[] =>
    [...state.indexes.waiting.values()].flatMap((ref) => {
      const found = findWaiting(state, ref);
      const wait = found === null ? undefined : waits.get(nameOf(comingAttempt(ref, found.instance)))?.wait;
      return found === null || wait === undefined || wait.kind !== found.instance.waitsFor ? [] : [{ ...found, wait }];
    });
  return {
    async look() {
      const now = state.now();
      const refs = [...state.indexes.waiting.values()].map((ref) => findWaiting(state, ref)?.instance);
      const dueIn = open().flatMap(({ instance: { dueAt } }) => (dueAt === null ? [] : [dueAt - now]));
      const coming = dueIn.filter((ms) => ms > 0);
      return {
        hasUnstarted: refs.some((instance) => instance?.waitsFor === unstartedWait && !instance.held),
        hasDue: coming.length < dueIn.length,
        hasChildren: [...waits.values()].some(({ hasOpenChild }) => hasOpenChild),
        nextDueInMs: coming.length === 0 ? null : coming.reduce((first, each) => Math.min(first, each)),
      };
    },
    async listUnstarted(limit) {
      const refs = [...state.indexes.waiting.values()].filter((ref) => {
        const found = findWaiting(state, ref);
        return found?.instance.waitsFor === unstartedWait && !found.instance.held && !found.run.row.isPaused;
      });
      return refs.slice(0, limit);
    },
    async save(wait) {
      const known = waits.get(nameOf(wait))?.wait;
      const stored = known ?? { ...wait, childRunId: null };
      if (known === undefined) waits.set(nameOf(wait), { wait: stored, hasOpenChild: false });
      return stored;
    },
    async listDue(limit) {
      const now = state.now();
      const due = open().filter(({ instance }) => instance.dueAt !== null && instance.dueAt <= now);
      return due.slice(0, limit).map(toOpenWait);
    },
    async setChild(key, childRunId) {
      update(key, (known) =>
        known.wait.childRunId === null ? { wait: { ...known.wait, childRunId }, hasOpenChild: true } : known,
      );
    },
    async listChildren(limit) {
      const waitingBy = new Map(open().map(({ wait, instance }) => [nameOf(wait), instance.fence]));
      const children = [...waits].flatMap(([name, { wait, hasOpenChild }]) =>
        hasOpenChild ? [childOf(state, wait, waitingBy.get(name) ?? null)] : [],
      );
      const isOver = ({ fence, child }: ChildOfWait): boolean => fence === null || child === null || child.hasEnded;
      return children.filter(isOver).slice(0, limit);
    },
    async closeChild(key) {
      update(key, (known) => ({ ...known, hasOpenChild: false }));
    },
    async depthOf(runId) {
      const depths = [...waits.values()].flatMap(({ wait }) => (wait.childRunId === runId ? [wait.depth] : []));
      return Math.max(0, ...depths);
    },
    ...createApprovalQueries(open),
  };
}

function createApprovalQueries(open: () => readonly Waiting[]): Pick<WaitStore, "listApprovals" | "getApproval"> {
  const approvals = (): readonly ApprovalView[] =>
    open().flatMap((waiting) => (waiting.wait.kind === "approval" ? [toApproval(waiting)] : []));
  return {
    async listApprovals(page, { dagId, assignee }) {
      const found = approvals().filter(
        (view) => (dagId === null || view.dagId === dagId) && (assignee === null || isAsked(view, assignee)),
      );
      return pageOf(found, page, { order: oldestFirst, sorts: {} });
    },
    async getApproval(instanceId) {
      const readings = readInstanceId(instanceId);
      const isIt = ({ runId, taskId, itemKey }: ApprovalView): boolean =>
        readings.some(
          (reading) =>
            reading.runId === runId && reading.rest === (itemKey === null ? taskId : `${taskId}__${itemKey}`),
        );
      return approvals().find(isIt) ?? null;
    },
  };
}

/** An instance that waits for something else than a worker. */
interface Found {
  readonly run: StoredRun;
  readonly instance: Instance;
}

interface Waiting extends Found {
  readonly wait: StoredWait;
}

function findWaiting(state: MemoryState, { runKey, ordinal }: InstanceRef): Found | null {
  const run = state.runs.get(runKey);
  const instance = run?.instances[ordinal];
  return run === undefined || instance === undefined ? null : { run, instance };
}

function comingAttempt({ runKey, ordinal }: InstanceRef, { generation, tryNumber }: Instance): WaitKey {
  return { runKey, ordinal, generation, tryNumber: tryNumber + 1 };
}

function nameOf({ runKey, ordinal, generation, tryNumber }: WaitKey): string {
  return `${runKey}/${ordinal}/${generation}/${tryNumber}`;
}

function toOpenWait({ run, instance, wait }: Waiting): OpenWait {
  return { ...wait, runId: run.row.runId, fence: instance.fence, startedAt: instance.startedAt ?? 0 };
}

function toApproval(waiting: Waiting): ApprovalView {
  const { run, instance } = waiting;
  const { mapIndex, itemKey } = instance;
  const taskId = run.plan.tasks[instance.task]?.id ?? "";
  return { ...toOpenWait(waiting), dagId: run.row.dagId, taskId, mapIndex, itemKey };
}

function childOf(state: MemoryState, wait: StoredWait, fence: number | null): ChildOfWait {
  const child = state.findRun(wait.childRunId ?? "")?.row;
  if (child === undefined) return { wait, fence, child: null };
  return { wait, fence, child: { runKey: child.runKey, state: child.state, hasEnded: child.endedAt !== null } };
}

function isAsked({ details }: ApprovalView, name: string): boolean {
  const { assignees } = details;
  return Array.isArray(assignees) && assignees.includes(name);
}
