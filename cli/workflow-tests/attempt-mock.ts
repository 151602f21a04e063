import type { Instance } from "#core/run-model.ts";
import type { AttemptOutcome, RunEvent } from "#core/run-event.ts";
import { formatDuration, parseDuration } from "#schedule/duration.ts";
import type { AttemptMock } from "./test-schema.ts";

type Mock = Omit<AttemptMock, "attempts" | "items">;

/** What becomes of one attempt, and when: milliseconds after its start. */
export interface MockedEnd {
  readonly afterMs: number;
  readonly event: RunEvent;
}

/** An attempt of which the test says nothing takes so long, and succeeds. */
const usualDurationMs = 1000;

/** What the test says of this attempt: of its item before its task, of its number before all; the last one holds on. */
export function endOfAttempt(mock: AttemptMock | undefined, instance: Instance, timeoutMs: number): MockedEnd {
  const own = instance.itemKey === null ? undefined : mock?.items?.[instance.itemKey];
  const source = own ?? mock ?? {};
  const numbered = source.attempts?.[Math.min(instance.tryNumber, source.attempts.length) - 1];
  const chosen: Mock = numbered ?? source;
  const durationMs = parseDuration(chosen.duration ?? "") ?? usualDurationMs;
  const { ordinal, heldFence: fence } = instance;
  if (durationMs > timeoutMs) {
    const message = `timed out after ${formatDuration(timeoutMs)}`;
    return {
      afterMs: timeoutMs,
      event: { kind: "outcome", ordinal, fence, outcome: failed("timeout", message, null) },
    };
  }
  if (chosen.outcome === "lost") return { afterMs: durationMs, event: { kind: "lost", ordinal, fence, free: false } };
  return { afterMs: durationMs, event: { kind: "outcome", ordinal, fence, outcome: toOutcome(chosen) } };
}

/** An attempt whose values can't be rendered, as an executor ends it. */
export function unrenderedEnd({ ordinal, heldFence: fence }: Instance, message: string): RunEvent {
  return { kind: "outcome", ordinal, fence, outcome: failed("render_failed", message, null) };
}

function toOutcome(mock: Mock): AttemptOutcome {
  const outputs = Object.entries(mock.outputs ?? {}).map(([key, value]) => ({ key, json: JSON.stringify(value) }));
  switch (mock.outcome ?? impliedOutcome(mock)) {
    case "success":
      return { kind: "success", outputs };
    case "skipped":
      return { kind: "skipped" };
    default: {
      const exitCode = mock.exit_code ?? (mock.error === undefined ? 1 : null);
      const usual = exitCode === null ? `failed with ${mock.error ?? ""}` : `exited with code ${exitCode}`;
      return { ...failed(mock.error ?? "exit_code", mock.message ?? usual, exitCode), outputs };
    }
  }
}

function impliedOutcome({ exit_code: exitCode, error }: Mock): "failed" | "success" {
  return exitCode !== undefined || error !== undefined ? "failed" : "success";
}

function failed(code: string, message: string, exitCode: number | null): Extract<AttemptOutcome, { kind: "failed" }> {
  // Retries keep to the middle of their jitter: a test has no chance in it.
  const random = 0.5;
  return {
    kind: "failed",
    failure: {
      code,
      message,
      exitCode,
      signal: null,
      retryable: code === "render_failed" ? false : null,
      retryAfterMs: null,
      random,
    },
    outputs: [],
  };
}
