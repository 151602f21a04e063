import assert from "node:assert/strict";
import type { ProcessOptions, ProcessResult, StopReason } from "#operators/operator.ts";
import { type AttemptDirectories, attemptDirectories } from "./attempt-directories.ts";
import type { AttemptLimits, AttemptUsage, UsageNow } from "./attempt-limits.ts";
import type { Enclosure } from "./enclosure/enclosure.ts";
import { removeAttempt, type TellOfLeftover } from "./leftovers.ts";
import type { LogPiece, Output, ProcessEnd, RunnerMessage, RunnerRequest } from "./runner-protocol.ts";

export interface AttemptOptions {
  /** Names the attempt on this host; unique for ever. */
  readonly token: string;
  readonly logMaxBytes: number;
  /** How much of the log is taken before its first part is durable. */
  readonly credit: number;
  readonly captureStdout: boolean;
  /** What is masked in its output; absent: nothing. */
  readonly masked?: readonly Buffer[];
  /** Absent: none of its own. */
  readonly limits?: AttemptLimits;
  /** Absent: nothing surrounds its processes. */
  readonly enclosure?: Enclosure | null;
  readonly onLog: (piece: LogPiece) => void;
}

export interface ClosedAttempt {
  readonly outputs: readonly Output[];
  /** Why the output file can't be used; null when it can. */
  readonly problem: string | null;
  /** Absent: nobody measured. */
  readonly usage?: AttemptUsage;
}

const runnerLost: ProcessResult = {
  exitCode: null,
  signal: null,
  lastStdoutLine: "",
  stderrTail: "",
  stoppedBy: null,
  breach: null,
  failure: { code: "runner_lost", message: "the process that runs attempts on this worker died" },
};

/** One attempt in the hands of the runner, seen from the session process. */
export class RunnerAttemptHandle {
  readonly directories: AttemptDirectories;
  /** Resolves when nothing of the attempt is left on the host. */
  readonly ended: Promise<ClosedAttempt>;
  /** What it used when the runner measured last; null: no process of it ran then. */
  usage: UsageNow | null = null;
  readonly #dataDir: string;
  readonly #options: AttemptOptions;
  readonly #send: (request: RunnerRequest) => void;
  readonly #processes = new Map<number, (result: ProcessResult) => void>();
  #end: (closed: ClosedAttempt) => void = () => {};
  #left: ClosedAttempt | null = null;
  #stopReason: StopReason | null = null;
  #processCount = 0;
  #isLost = false;
  /** The runner closes it by itself. */
  #isClosing = false;

  constructor(dataDir: string, options: AttemptOptions, send: (request: RunnerRequest) => void) {
    this.#dataDir = dataDir;
    this.#options = options;
    this.#send = send;
    this.directories = attemptDirectories(dataDir, options.token);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Resolves when the whole tree is gone. Processes of one attempt run one after the other. */
  startProcess(options: ProcessOptions): Promise<ProcessResult> {
    assert(!this.#isClosing, "a process follows the last one of an attempt");
    if (this.#isLost) return Promise.resolve(runnerLost);
    this.#left = null;
    this.#processCount += 1;
    const process = this.#processCount;
    return new Promise((resolve) => {
      this.#processes.set(process, resolve);
      this.#send({ kind: "start", attempt: this.#options.token, process, options });
    });
  }

  /** SIGTERM to the group, and after the grace SIGKILL to the whole tree; no grace: at once. */
  stop(reason: StopReason, graceMs: number): void {
    this.#stopReason ??= reason;
    this.#send({ kind: "stop", attempt: this.#options.token, graceMs });
  }

  addCredit(amount: number): void {
    if (this.#isOpen) this.#send({ kind: "credit", attempt: this.#options.token, amount });
  }

  /**
   * What the attempt leaves if no process follows the one that ended last: its log has come, and it has no artifacts.
   * Null: that is known once it is closed.
   */
  get left(): ClosedAttempt | null {
    return this.#left;
  }

  /** Ends the attempt, its log included; resolves as `ended` does. */
  close(): Promise<ClosedAttempt> {
    if (this.#isOpen) this.#send({ kind: "close", attempt: this.#options.token });
    return this.ended;
  }

  get #isOpen(): boolean {
    return !this.#isLost && !this.#isClosing;
  }

  receive(message: Extract<RunnerMessage, { attempt: string }>): void {
    switch (message.kind) {
      case "exited":
        this.#left = message.left;
        this.#isClosing = message.closes;
        this.#processes.get(message.process)?.(this.#toResult(message.end));
        this.#processes.delete(message.process);
        return;
      case "log":
        this.#options.onLog(message.piece);
        return;
      case "closed":
        this.#end(message.left);
        return;
      case "warning":
        return;
    }
  }

  /** The runner died: kills what it left of the attempt, then says so to whoever waits. */
  async lose(tell: TellOfLeftover): Promise<void> {
    this.#isLost = true;
    await removeAttempt(this.#dataDir, this.#options.token, { tell });
    for (const resolve of this.#processes.values()) resolve(runnerLost);
    this.#processes.clear();
    this.#end({ outputs: [], problem: null });
  }

  #toResult({ wasStopped, ...end }: ProcessEnd): ProcessResult {
    // Stopped without an order of ours: the runner's own watch over the lease did it.
    return { ...end, stoppedBy: wasStopped ? (this.#stopReason ?? "lease_lost") : null };
  }
}
