import type { AfterFaults } from "../stage/scenario.ts";

/** Attempts that began and were not let end. An assignment that meets a worker which drains is given back before it begins. */
export function findInterrupted({ facts, ledger }: AfterFaults): readonly string[] {
  return facts.runs.flatMap(({ runId, attempts }) =>
    attempts
      .filter(({ state, errorCode }) => state === "lost" || errorCode === "interrupted")
      .filter(({ taskId, tryNumber }) =>
        ledger.some((line) => line.runId === runId && line.taskId === taskId && line.tryNumber === tryNumber),
      )
      .map(({ taskId, tryNumber, state }) => `run ${runId}: try ${tryNumber} of ${taskId} began and was ${state} (I3)`),
  );
}
