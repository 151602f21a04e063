import type { TreeTask } from "../rendering/tree-layout.ts";
import type { ProgressChange, RunIdentity, RunProgress } from "./run-progress.ts";

export interface FeedLogLine {
  /** `stdout`, `stderr` or `system`. */
  readonly source: string;
  readonly text: string;
}

/** Names the attempt whose log is wanted. */
export interface FeedAttempt {
  readonly taskId: string;
  readonly instanceId: string;
  readonly tryNumber: number;
}

/** Where a live view gets its facts from: the store of a run in this process, or the gateway of a server. */
export interface RunFeed {
  /** Logs that may be read at once; further ones wait for their turn. */
  readonly maxConcurrentLogs: number;
  /** The run and its tasks, in the order of the definition. */
  describe(): Promise<{ readonly identity: RunIdentity; readonly tasks: readonly TreeTask[] }>;
  /** Committed changes of the run from its first one on, in order; ends after the one with `ended`, or with the signal. */
  changes(signal: AbortSignal): AsyncIterable<readonly ProgressChange[]>;
  /** Lines of one attempt's log as they come; ends when the attempt has ended and its log is complete. */
  logs(attempt: FeedAttempt, signal: AbortSignal): AsyncIterable<readonly FeedLogLine[]>;
}

/** What people see while a run goes on. Each call comes after the progress has taken the change. */
export interface RunPresenter {
  begin(progress: RunProgress): void;
  changed(change: ProgressChange): void;
  logged(taskId: string, lines: readonly FeedLogLine[]): void;
  /** Called once, also after an error. */
  end(): void;
}
