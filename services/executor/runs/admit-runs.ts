import type { Store } from "#ports/store.ts";
import type { RunWriter } from "./run-writer.ts";

const maxRunsPerRound = 200;

/** Lets runs begin that have waited for room in their limits and may have it now; answers when to look again. */
export async function admitRuns(store: Store, submit: RunWriter["submit"]): Promise<number | null> {
  const waiting = await store.runs.listAdmissible(maxRunsPerRound);
  const results = await Promise.all(
    waiting.map((runKey) => submit({ runKey, event: { kind: "admit" }, freesSlotOf: null })),
  );
  const admitted = results.filter((result) => result.kind === "judged" && result.verdict.accepted);
  // Others may wait behind these; where none was admitted another executor was faster, and looks itself.
  return admitted.length === maxRunsPerRound ? 0 : null;
}
