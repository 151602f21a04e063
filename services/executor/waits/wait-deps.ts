import type { AttemptOutcome } from "#core/run-event.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { OpenWait } from "#ports/wait-store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "../dispatch/assignments.ts";
import type { MakeRun } from "../runs/run-maker.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

/** What letting instances wait needs. */
export interface WaitDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly assignments: Assignments;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  /** Makes runs of other DAGs; null: no scheduler is known here. */
  readonly makeRun: MakeRun | null;
  readonly logger: Logger;
}

/** What one look at a wait comes to: its end, or when to look again (`deferred`; null: not before an answer). */
export type LookAtWait = (deps: WaitDeps, wait: OpenWait) => Promise<AttemptOutcome>;

/** It goes on; its state stays as it is. */
export function lookAgain(dueAt: number | null): AttemptOutcome {
  return { kind: "deferred", dueAt, waitsFor: null };
}

export function succeed(outputs: Readonly<Record<string, unknown>> = {}): AttemptOutcome {
  const written = Object.entries(outputs).map(([key, value]) => ({ key, json: JSON.stringify(value) }));
  return { kind: "success", outputs: written };
}

/** `code` as operators have them: `configuration` and `render_failed` are never tried again. */
export function failWith(
  { clock }: Pick<WaitDeps, "clock">,
  failure: { code: string; message: string; retryable?: boolean; outputs?: Readonly<Record<string, unknown>> },
): AttemptOutcome {
  const { code, message, retryable = null, outputs = {} } = failure;
  const written = Object.entries(outputs).map(([key, value]) => ({ key, json: JSON.stringify(value) }));
  const random = clock.random();
  return {
    kind: "failed",
    failure: { code, message, exitCode: null, signal: null, retryable, retryAfterMs: null, random },
    outputs: written,
  };
}

const renderingCodes: ReadonlySet<string> = new Set(["VALUE_MISSING", "VALUE_UNUSABLE", "EXPRESSION_FAILED"]);

/** The end that an error means for the instance; null: it is worth another look. */
export function endOfError(deps: WaitDeps, error: unknown): AttemptOutcome | null {
  if (error instanceof AppError && error.retryable) return null;
  if (!(error instanceof AppError)) deps.logger.error({ err: error }, "a wait could not be looked at");
  const isRendering = error instanceof AppError && renderingCodes.has(error.code);
  return failWith(deps, { code: isRendering ? "render_failed" : "configuration", message: describeError(error) });
}
