import type { Logger } from "#telemetry/logger.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { ScanResult } from "./folder-scanner.ts";
import { initialScanState, type ScanEvent, type ScanState, stepScan } from "./scan-step.ts";

/** Timers are cut to this; `setTimeout` fires at once beyond 2^31 ms. */
const maxSleepMs = 3_600_000;

interface ScanLoopOptions {
  readonly scan: (signal: AbortSignal) => Promise<ScanResult>;
  readonly scanIntervalMs: number;
  readonly logger: Logger;
}

interface Waiter {
  /** The first scan that began after the question. */
  readonly scanNumber: number;
  readonly resolve: (result: ScanResult) => void;
  readonly reject: (error: AppError) => void;
}

/** Runs `stepScan`: one scan at a time, after hints, on request and at an interval. */
export class ScanLoop {
  readonly #options: ScanLoopOptions;
  readonly #stopping = new AbortController();
  #state: ScanState = initialScanState(performance.now());
  #waiters: readonly Waiter[] = [];
  #scanNumber = 0;
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #lastResult: ScanResult | null = null;
  #lastError: string | null = null;

  constructor(options: ScanLoopOptions) {
    this.#options = options;
  }

  get lastResult(): ScanResult | null {
    return this.#lastResult;
  }

  /** Why the last scan failed; null: it did not. */
  get lastError(): string | null {
    return this.#lastError;
  }

  hint(): void {
    this.#handle({ kind: "hint" });
  }

  /**
   * Scans now, or after the scan under way, and once more if files are missing, so that the answer is final. Throws the
   * scan's error, and PEER_UNAVAILABLE when the loop stops.
   */
  scanNow(): Promise<ScanResult> {
    if (this.#stopping.signal.aborted) return Promise.reject(stopped());
    const { promise, resolve, reject } = Promise.withResolvers<ScanResult>();
    this.#waiters = [...this.#waiters, { scanNumber: this.#scanNumber + 1, resolve, reject }];
    this.#handle({ kind: "asked" });
    return promise;
  }

  /** Resolves when the scan under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
    for (const waiter of this.#waiters) waiter.reject(stopped());
    this.#waiters = [];
  }

  #handle(event: ScanEvent): void {
    if (this.#stopping.signal.aborted) return;
    const now = performance.now();
    const [next, begins] = stepScan(this.#state, event, now, this.#options.scanIntervalMs);
    this.#state = next;
    clearTimeout(this.#timer);
    if (begins) this.#running = this.#scan();
    else if (!next.isScanning) {
      const sleepMs = Math.min(maxSleepMs, Math.max(0, Math.ceil(next.dueAt - now)));
      this.#timer = setTimeout(() => this.#handle({ kind: "timer" }), sleepMs);
    }
  }

  async #scan(): Promise<void> {
    this.#scanNumber += 1;
    const scanNumber = this.#scanNumber;
    const hasBegun = (waiter: Waiter): boolean => waiter.scanNumber <= scanNumber;
    try {
      const result = await this.#options.scan(this.#stopping.signal);
      this.#lastResult = result;
      this.#lastError = null;
      // Who asked before this scan's predecessor began has its second listing now.
      const isFinal = (waiter: Waiter): boolean => !result.isPending || waiter.scanNumber < scanNumber;
      this.#settle(
        (waiter) => hasBegun(waiter) && isFinal(waiter),
        (waiter) => waiter.resolve(result),
      );
      this.#handle({ kind: "scanned", isPending: result.isPending });
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (this.#lastError === null)
        this.#options.logger.warn({ err: thrown }, "a scan of the definitions failed, trying again");
      this.#lastError = describeError(thrown);
      this.#settle(hasBegun, (waiter) => waiter.reject(error));
      this.#handle({ kind: "failed" });
    }
  }

  #settle(isAnswered: (waiter: Waiter) => boolean, answer: (waiter: Waiter) => void): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => !isAnswered(waiter));
    for (const waiter of waiting) if (isAnswered(waiter)) answer(waiter);
  }
}

function stopped(): AppError {
  return new AppError("PEER_UNAVAILABLE", "the parser is stopping; ask another or try again");
}
