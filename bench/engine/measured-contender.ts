import { Worker } from "node:worker_threads";
import type { ShapeName } from "./graph-shape.ts";

export interface ContenderTask {
  readonly mode: "sync" | "async";
  readonly name: string;
  readonly shape: ShapeName;
  readonly size: number;
}

/** What a contender says when it is ready. Bytes are what is kept after a collection. */
export interface Prepared {
  readonly prepareMs: number;
  readonly graphBytes: number;
  readonly resultBytes: number;
}

const prepareDeadlineMs = 60_000;
const runDeadlineMs = 20_000;
const heapMb = 4000;

/**
 * One contender with one graph, in a thread and heap of its own, so that it neither disturbs the others nor can hang the
 * bench. Once it has failed, `failure` says why and every further run answers NaN at once.
 */
export class MeasuredContender {
  readonly name: string;
  readonly mode: ContenderTask["mode"];
  prepared: Prepared | null = null;
  failure: string | null = null;
  readonly #worker: Worker;
  /** The answer that is awaited; null as soon as the contender has failed. */
  #answer = Promise.withResolvers<unknown>();

  /** Starts its thread. */
  constructor(task: ContenderTask) {
    this.name = task.name;
    this.mode = task.mode;
    this.#worker = new Worker(new URL("./contender-worker.ts", import.meta.url), {
      workerData: task,
      stderr: true,
      stdout: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.#worker.on("message", (answer) => this.#answer.resolve(answer));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error.message : String(error)));
  }

  /** To be called once, and before any run. */
  async prepare(): Promise<void> {
    this.prepared = (await this.#receive(prepareDeadlineMs)) as Prepared | null;
  }

  /** Milliseconds of one run. */
  async run(): Promise<number> {
    if (this.failure !== null) return Number.NaN;
    this.#answer = Promise.withResolvers<unknown>();
    this.#worker.postMessage("run", []);
    return ((await this.#receive(runDeadlineMs)) as number | null) ?? Number.NaN;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Null when the contender has failed. */
  async #receive(deadlineMs: number): Promise<unknown> {
    const timer = setTimeout(() => this.#fail(`over ${deadlineMs / 1000} s`), deadlineMs);
    const answer = await this.#answer.promise;
    clearTimeout(timer);
    if (this.failure !== null) await this.#worker.terminate();
    return answer;
  }

  #fail(failure: string): void {
    this.failure ??= failure;
    this.#answer.resolve(null);
  }
}
