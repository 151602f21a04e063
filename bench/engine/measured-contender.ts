import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ContenderName, Mode } from "./contender-names.ts";
import type { ShapeName } from "./graph-shape.ts";

export interface ContenderTask {
  readonly mode: Mode;
  readonly name: ContenderName;
  readonly shape: ShapeName;
  readonly size: number;
}

/** What a contender says when it is ready. Bytes are what is kept after a collection. */
export interface Prepared {
  readonly prepareMs: number;
  readonly graphBytes: number;
  readonly resultBytes: number;
}

const program = fileURLToPath(new URL("./contender-process.ts", import.meta.url));
const prepareDeadlineMs = 60_000;
const runDeadlineMs = 20_000;
const heapMb = 4000;

/**
 * One contender with one graph, in a process of its own, so that it neither disturbs the others nor can hang the bench.
 * Once it has failed, `failure` says why and every further run answers NaN at once.
 */
export class MeasuredContender {
  readonly name: string;
  prepared: Prepared | null = null;
  failure: string | null = null;
  readonly #process: ChildProcess;
  /** The answer that is awaited; null as soon as the contender has failed. */
  #answer = Promise.withResolvers<unknown>();

  /** Starts its process. */
  constructor(task: ContenderTask) {
    this.name = task.name;
    const execArgv = ["--expose-gc", `--max-old-space-size=${heapMb}`];
    this.#process = fork(program, [JSON.stringify(task)], { execArgv, stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let firstError = "";
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      firstError ||= /^\w*Error: .*$|^FATAL ERROR: .*$/m.exec(text)?.[0] ?? "";
    });
    this.#process.on("message", (answer) => this.#answer.resolve(answer));
    this.#process.on("close", (code, signal) =>
      this.#fail(firstError === "" ? `ended with ${signal ?? code}` : firstError),
    );
  }

  /** To be called once, and before any run. */
  async prepare(): Promise<void> {
    this.prepared = (await this.#receive(prepareDeadlineMs)) as Prepared | null;
  }

  /** Milliseconds of one run. */
  async run(): Promise<number> {
    if (this.failure !== null) return Number.NaN;
    this.#answer = Promise.withResolvers<unknown>();
    this.#process.send("run");
    return ((await this.#receive(runDeadlineMs)) as number | null) ?? Number.NaN;
  }

  /** Ends the process; what it says of that is no failure. */
  close(): void {
    this.#process.removeAllListeners("close");
    this.#process.kill("SIGKILL");
  }

  /** Null when the contender has failed. */
  async #receive(deadlineMs: number): Promise<unknown> {
    const timer = setTimeout(() => this.#fail(`over ${deadlineMs / 1000} s`), deadlineMs);
    const answer = await this.#answer.promise;
    clearTimeout(timer);
    return answer;
  }

  #fail(failure: string): void {
    this.failure ??= failure;
    this.#answer.resolve(null);
    this.#process.kill("SIGKILL");
  }
}
