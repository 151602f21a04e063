import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Logger } from "#telemetry/logger.ts";
import { type AttemptOptions, RunnerAttemptHandle } from "./runner-attempt-handle.ts";
import { noLimits } from "./attempt-limits.ts";
import { compiledCodeVariables } from "./compiled-code.ts";
import { noteRunner, removeStrays } from "./leftovers.ts";
import { createMessageBatch } from "./message-batch.ts";
import { hostMonotonicMs, type RunnerMessage, type RunnerRequest } from "./runner-protocol.ts";

/** How long the runner may take to kill everything and end, in milliseconds. */
const stopTimeoutMs = 10_000;
/**
 * Each start of a process copies the runner's map of memory, and the copy is thrown away again: few pages and few threads
 * spare 0.4 ms of it.
 */
const runnerFlags = ["--max-semi-space-size=1", "--single-threaded-gc", "--v8-pool-size=1"];

export interface RunnerClientOptions {
  readonly dataDir: string;
  /** What the runner itself sees of the host's variables; attempts get theirs one by one. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/**
 * The session process's side of the runner. A runner that dies is replaced at once; its attempts report `runner_lost`
 * when nothing of them runs any more.
 */
export class RunnerClient {
  readonly #options: RunnerClientOptions;
  readonly #attempts = new Map<string, RunnerAttemptHandle>();
  readonly #outbox = createMessageBatch<RunnerRequest>((requests) => {
    if (this.#runner?.connected === true) this.#runner.send([...requests], () => {});
  });
  #runner: ChildProcess | null = null;
  #leaseDeadlineMs: number | null = null;
  #isStopping = false;
  #stopped: Promise<void> | null = null;
  #hasToldMissing = false;

  constructor(options: RunnerClientOptions) {
    this.#options = options;
  }

  readonly #tell = (message: string, attempt?: string): void => this.#options.logger.warn({ attempt }, message);

  /** Starts the runner, so that the first attempt need not wait for it. */
  start(): void {
    this.#ensureRunner();
  }

  get isRunning(): boolean {
    return this.#runner !== null;
  }

  /** Makes the attempt's directories; its processes are started through the handle. */
  open(options: AttemptOptions): RunnerAttemptHandle {
    const handle = new RunnerAttemptHandle(this.#options.dataDir, options, (request) => this.#send(request));
    this.#attempts.set(options.token, handle);
    void handle.ended.then(() => this.#attempts.delete(options.token));
    const { token: attempt, logMaxBytes, credit, captureStdout } = options;
    const masked = (options.masked ?? []).map((form) => form.toString("base64"));
    const { limits = noLimits, enclosure = null } = options;
    this.#send({ kind: "open", attempt, logMaxBytes, credit, captureStdout, masked, limits, enclosure });
    return handle;
  }

  /** Lets handles know what their attempts use; they do a moment later. */
  measure(): void {
    if (this.#runner !== null && this.#attempts.size > 0) this.#send({ kind: "measure" });
  }

  /** Everything is killed after so many milliseconds, even if this process can't say so by then (G4). */
  setLease(remainingMs: number): void {
    this.#leaseDeadlineMs = hostMonotonicMs() + remainingMs;
    if (this.#runner !== null) this.#send({ kind: "lease", deadlineMs: this.#leaseDeadlineMs });
  }

  /** Removes directories of attempts that have ended and could not be removed then. Answers their number. */
  sweep(): Promise<number> {
    return removeStrays(this.#options.dataDir, (token) => this.#attempts.has(token), this.#tell);
  }

  /** Kills what runs and ends the runner; resolves when it is gone. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopped ??= this.#stopRunner();
    return this.#stopped;
  }

  async #stopRunner(): Promise<void> {
    const runner = this.#runner;
    if (runner === null) return;
    const exited = once(runner, "exit");
    this.#outbox.flush();
    if (runner.connected) runner.disconnect();
    const controller = new AbortController();
    const timeout = delay(stopTimeoutMs, undefined, { signal: controller.signal }).then(
      () => runner.kill("SIGKILL"),
      () => undefined,
    );
    await exited;
    controller.abort();
    await timeout;
  }

  #ensureRunner(): ChildProcess {
    if (this.#runner !== null) return this.#runner;
    const path = fileURLToPath(new URL(`./runner-process${extname(import.meta.url)}`, import.meta.url));
    const runner = fork(path, [this.#options.dataDir], {
      env: { ...this.#options.environment, ...compiledCodeVariables() },
      execArgv: runnerFlags,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#runner = runner;
    if (runner.pid !== undefined) noteRunner(this.#options.dataDir, runner.pid);
    let isReady = false;
    runner.on("message", (messages) => {
      isReady = true;
      for (const message of messages as readonly RunnerMessage[]) this.#handle(message);
    });
    runner.on("error", (error) => {
      this.#options.logger.error({ err: error }, "runner can't be reached");
      if (runner.pid === undefined) void this.#replace({ code: null, signal: null, isReady });
    });
    runner.once("exit", (code, signal) => void this.#replace({ code, signal, isReady }));
    if (this.#leaseDeadlineMs !== null) this.#send({ kind: "lease", deadlineMs: this.#leaseDeadlineMs });
    return runner;
  }

  #send(request: RunnerRequest): void {
    if (!this.#isStopping) this.#ensureRunner();
    this.#outbox.add(request);
  }

  #handle(message: RunnerMessage): void {
    if (message.kind === "ready") {
      this.#tellMissing(message);
      return;
    }
    if (message.kind === "measured") {
      for (const [token, attempt] of this.#attempts) attempt.usage = message.usages[token] ?? null;
      return;
    }
    if (message.kind === "warning") {
      this.#options.logger.warn({ attempt: message.attempt }, message.message);
      return;
    }
    this.#attempts.get(message.attempt)?.receive(message);
  }

  /** Said once: what the kernel does not hold on this host is held less strictly. */
  #tellMissing({ missing, instead }: Extract<RunnerMessage, { kind: "ready" }>): void {
    if (missing === null || this.#hasToldMissing) return;
    this.#hasToldMissing = true;
    this.#options.logger.info({ reason: missing, instead }, "the kernel holds attempts to their limits only in part");
  }

  async #replace(exit: { code: number | null; signal: string | null; isReady: boolean }): Promise<void> {
    this.#runner = null;
    // What was meant for it is of attempts that are lost now; the next one is told of the lease by itself.
    this.#outbox.clear();
    const lost = [...this.#attempts.values()];
    const { code, signal, isReady } = exit;
    if (!this.#isStopping)
      this.#options.logger.error({ exit_code: code, signal, attempts: lost.length }, "runner died");
    await Promise.all(lost.map((attempt) => attempt.lose(this.#tell)));
    // One that dies before it is ready would only die again: the next attempt tries.
    if (!this.#isStopping && isReady) this.#ensureRunner();
  }
}
