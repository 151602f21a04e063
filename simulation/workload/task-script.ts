import { type AttemptRef, type AttemptReport, failureReport } from "#services/worker/attempt.ts";
import { RandomStream } from "../world/random.ts";

/** How long an attempt takes and what it comes to; the same attempt always the same. */
export type TaskScript = (ref: AttemptRef) => { readonly durationMs: number; readonly report: AttemptReport };

const success: AttemptReport = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] };
const skipped: AttemptReport = { kind: "skipped", durationMs: 1, logChunks: 0, outputs: [] };

/** Attempts of up to `maxDurationMs`, mostly short; some fail when `fails`. */
export function randomScript(
  seed: number,
  options: { readonly fails: boolean; readonly maxDurationMs: number; readonly now: () => number },
): TaskScript {
  return ({ dagRunId, taskId, mapIndex, generation, tryNumber }) => {
    const random = new RandomStream(seed, `${dagRunId} ${taskId} ${mapIndex} ${generation} ${tryNumber}`);
    const durationMs = random.next() ** 3 * options.maxDurationMs;
    return { durationMs, report: options.fails ? drawReport(random, options.now() + durationMs) : success };
  };
}

function drawReport(random: RandomStream, endsAt: number): AttemptReport {
  const draw = random.next();
  if (draw < 0.12) return failureReport("exit_code", "simulated");
  if (draw < 0.15) return failureReport("runner_lost", "simulated");
  if (draw < 0.18) return skipped;
  if (draw < 0.21)
    return {
      kind: "deferred",
      dueAt: Math.round(endsAt + random.between(0, 500)),
      waitsFor: null,
      durationMs: 1,
      logChunks: 0,
      outputs: [],
    };
  return success;
}
