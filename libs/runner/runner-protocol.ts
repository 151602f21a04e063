import type { ProcessOptions } from "#operators/operator.ts";
import type { AttemptLimits, AttemptUsage, UsageNow } from "./attempt-limits.ts";
import type { Enclosure } from "./enclosure/enclosure.ts";
import type { StartFailure } from "./find-executable.ts";
import type { LimitBreach } from "./limit-breach.ts";

/** An output as it is reported: JSON text. */
export interface Output {
  readonly key: string;
  readonly json: string;
}

/** Consecutive lines of one source, joined by newlines. */
export interface LogText {
  readonly source: "stdout" | "stderr" | "system";
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly text: string;
}

/** A piece of an attempt's log, small enough for one chunk. */
export interface LogPiece {
  readonly entries: readonly LogText[];
  /** Bytes left out before this piece. */
  readonly droppedBytes: number;
  /** What it takes from the credit; given back when it is durable. */
  readonly cost: number;
}

/** How one process ended, its whole tree with it. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly lastStdoutLine: string;
  readonly stderrTail: string;
  /** It was told to stop before its end. */
  readonly wasStopped: boolean;
  /** The limit that it was ended for. */
  readonly breach: LimitBreach | null;
  readonly failure: StartFailure | null;
}

/** What is known of an attempt when nothing of it runs. Its log is complete, and it has no artifacts that nobody looked at. */
export interface AttemptRemains {
  readonly outputs: readonly Output[];
  /** Why the output file can't be used; null when it can. */
  readonly problem: string | null;
  readonly usage: AttemptUsage;
}

/** From the session process to the runner, which gets lists of them. `attempt` is the token. */
export type RunnerRequest =
  | {
      readonly kind: "open";
      readonly attempt: string;
      readonly logMaxBytes: number;
      readonly credit: number;
      readonly captureStdout: boolean;
      /** What is masked in its output, as base64. */
      readonly masked: readonly string[];
      readonly limits: AttemptLimits;
      /** Null: nothing surrounds its processes. */
      readonly enclosure: Enclosure | null;
    }
  | { readonly kind: "start"; readonly attempt: string; readonly process: number; readonly options: ProcessOptions }
  | { readonly kind: "stop"; readonly attempt: string; readonly graceMs: number }
  | { readonly kind: "credit"; readonly attempt: string; readonly amount: number }
  /** Ends the attempt; answered by `closed`, which comes without it too where an end said so. */
  | { readonly kind: "close"; readonly attempt: string }
  /** Answered by `measured`. */
  | { readonly kind: "measure" }
  /** All attempts are killed when the host's monotonic clock passes this (G4). */
  | { readonly kind: "lease"; readonly deadlineMs: number };

/** From the runner, in lists too. */
export type RunnerMessage =
  /** `missing`: what the host lacks to hold attempts to all limits by itself, and `instead` what is done in its place. */
  | { readonly kind: "ready"; readonly missing: string | null; readonly instead: string }
  | {
      readonly kind: "exited";
      readonly attempt: string;
      readonly process: number;
      readonly end: ProcessEnd;
      /** What the attempt leaves if this was its last process; null: only `closed` can tell. */
      readonly left: AttemptRemains | null;
      /** It was the last, and nothing is left to ask: the attempt closes by itself. */
      readonly closes: boolean;
    }
  | { readonly kind: "log"; readonly attempt: string; readonly piece: LogPiece }
  | { readonly kind: "closed"; readonly attempt: string; readonly left: AttemptRemains }
  /** Of those that have a process, by token. */
  | { readonly kind: "measured"; readonly usages: Readonly<Record<string, UsageNow>> }
  | { readonly kind: "warning"; readonly attempt: string; readonly message: string };

/** Milliseconds of the host's monotonic clock, the same for every process on it. */
export function hostMonotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
