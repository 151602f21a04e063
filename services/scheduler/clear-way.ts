import { decideRun } from "#core/decide-run.ts";
import type { Store } from "#ports/store.ts";
import type { SchedulePolicy } from "#schedule/schedule-policy.ts";

/** Whether a slot may have its run: now, never, or later. */
export type Way = "free" | "skip" | "wait";

/** Runs in progress that one look cancels; the next look finds the others. */
const maxCancelled = 100;

/**
 * What the policy says about runs of the DAG that go on; those that have to give way are cancelled. A run that ends
 * meanwhile changes nothing for the worse, and only the leader makes scheduled runs, so that reading first is safe.
 */
export async function clearWay(
  store: Store,
  { dagKey, overlap }: { dagKey: number; overlap: SchedulePolicy["overlap"] },
): Promise<Way> {
  if (overlap === "allow") return "free";
  const active = await store.definitions.listActiveRuns(dagKey, overlap === "cancel_running" ? maxCancelled : 1);
  if (active.length === 0) return "free";
  if (overlap !== "cancel_running") return overlap === "skip" ? "skip" : "wait";
  const cancel = { kind: "cancel", reason: "overlap" } as const;
  const results = await store.runs.changeRuns(
    active.map((runKey) => ({ runKey, decide: (run) => decideRun(run, [cancel], store.now()) })),
  );
  store.wake.notify("stops");
  const isClear = active.length < maxCancelled && results.every(({ kind }) => kind !== "busy");
  return isClear ? "free" : "wait";
}
