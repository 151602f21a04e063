import { decideRun } from "#core/decide-run.ts";
import { concurrencyLimit } from "#core/limit-names.ts";
import type { Definition } from "#definition/model.ts";
import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";

/** `skipped`: runs of its key are active, as many as may be, and it was not to wait; the first of them. */
export type MakeRunResult =
  | Exclude<CreateRunResult, { kind: "no_room" }>
  | { readonly kind: "skipped"; readonly key: string; readonly holder: string | null };

/** Runs of a key that one new run cancels at most. */
const maxCancelled = 100;

/** Makes a run as the definition wants it where runs of its concurrency key are active. */
export async function makeRun(store: Store, definition: Definition, run: NewRun): Promise<MakeRunResult> {
  const { concurrencyKey: key } = run;
  const conflict = key === null ? "queue" : (definition.concurrency?.onConflict ?? "queue");
  if (key === null || conflict === "queue") return create(store, run);
  const limit = concurrencyLimit(run.dagKey, key);
  if (conflict === "skip") {
    const result = await store.runs.createRun({ ...run, whenFull: "refuse" });
    if (result.kind !== "no_room") return result;
    const holders = await store.limits.listHolders(limit, maxCancelled);
    // The key has room; what is full is the DAG.
    if (holders.length < (definition.concurrency?.limit ?? 1)) return create(store, run);
    return { kind: "skipped", key, holder: holders[0]?.runId ?? null };
  }
  const result = await create(store, run);
  if (result.kind === "created" && !result.isAdmitted) await cancelHolders(store, limit);
  return result;
}

async function create(store: Store, run: NewRun): Promise<Exclude<CreateRunResult, { kind: "no_room" }>> {
  const result = await store.runs.createRun({ ...run, whenFull: "wait" });
  if (result.kind === "no_room") throw new Error(`run ${run.runId} was to wait for room and was refused`);
  return result;
}

/** They make way; the run that waits begins when their last process is gone. */
async function cancelHolders(store: Store, limit: string): Promise<void> {
  const holders = await store.limits.listHolders(limit, maxCancelled);
  const cancel = { kind: "cancel", reason: "concurrency" } as const;
  await store.runs.changeRuns(
    holders.map(({ runKey }) => ({ runKey, decide: (run) => decideRun(run, [cancel], store.now()) })),
  );
  store.wake.notify("stops");
}
