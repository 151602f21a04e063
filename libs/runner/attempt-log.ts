import { maxLineBytes } from "./line-splitter.ts";
import { createLogQueue } from "./log-queue.ts";
import { PartialLines } from "./partial-lines.ts";
import type { LogPiece, LogText } from "./runner-protocol.ts";

/** Output is sent this long after it came, or as soon as there is enough for a piece; in milliseconds. */
const sendDelayMs = 200;
/** The beginning of a line is shown after this time, although its end has not come. */
const partialLineMs = 500;
/** The end of a log that is kept back once its limit is reached: half of the limit, at most this. */
const maxTailCost = 4 * 1024 * 1024;
/** Above this the task's output waits in its pipe until earlier pieces are durable. */
const pressureCost = 256 * 1024;
/** A task that waited so long for its log goes on, and the oldest unsent lines are given up. */
const maxStallMs = 30_000;

export interface AttemptLogOptions {
  /** Limit of the log. Each line counts 32 bytes more than it has. */
  readonly maxBytes: number;
  /** What may be sent before anything is durable. */
  readonly credit: number;
  readonly send: (piece: LogPiece) => void;
  /** True: reading has to wait. */
  readonly onPressure: (isHigh: boolean) => void;
}

/**
 * The log of one attempt between its pipes and the session process. What it keeps is bounded, whatever comes:
 * - while there is credit, pieces go out as they come, until half of the limit (or all but 4 MiB of it) is used up;
 * - without credit the task's pipes fill and it waits; after 30 s it goes on, and the oldest unsent lines are lost;
 * - beyond the limit the last lines are kept back, sent at the end, and what lies between is counted.
 */
export class AttemptLog {
  readonly #options: AttemptLogOptions;
  readonly #queue = createLogQueue();
  readonly #partialLines = new PartialLines();
  readonly #tailCost: number;
  /** What may still go out as it comes. */
  #headLeft: number;
  #credit: number;
  #droppedBytes = 0;
  #sendTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #hasPressure = false;
  #mayWait = true;
  #isStalled = false;
  #hasEnded = false;

  constructor(options: AttemptLogOptions) {
    this.#options = options;
    this.#tailCost = Math.min(Math.floor(options.maxBytes / 2), maxTailCost);
    this.#headLeft = options.maxBytes - this.#tailCost;
    this.#credit = options.credit;
  }

  write(source: LogText["source"], piece: Buffer): void {
    if (this.#hasEnded) return;
    const block = this.#partialLines.push(source, piece);
    if (block !== null) this.#queue.push(block);
    if (this.#queue.cost >= maxLineBytes) this.#pump();
    this.#armSendTimer();
  }

  addCredit(amount: number): void {
    if (this.#hasEnded) return;
    this.#credit += amount;
    this.#isStalled = false;
    this.#pump();
  }

  /** False: no process is left that could wait, so nothing puts pressure on the pipes. */
  setWaiting(mayWait: boolean): void {
    if (this.#hasEnded) return;
    this.#mayWait = mayWait;
    this.#pump();
  }

  /** Nobody writes for now: sends what is kept, beginnings of lines too. False: the credit did not allow all of it. */
  settle(): boolean {
    for (const block of this.#partialLines.takeAll()) this.#queue.push(block);
    this.#pump();
    return this.#queue.cost === 0 && this.#droppedBytes === 0;
  }

  /** Sends all that is kept, whatever the credit. */
  end(): void {
    if (this.#hasEnded) return;
    this.setWaiting(false);
    this.#hasEnded = true;
    clearTimeout(this.#sendTimer);
    for (const block of this.#partialLines.takeAll()) this.#queue.push(block);
    this.#droppedBytes += this.#queue.trim(this.#capacity, true);
    while (this.#queue.cost > 0) this.#sendPiece(Number.POSITIVE_INFINITY);
    if (this.#droppedBytes > 0) this.#options.send({ entries: [], cost: 0, droppedBytes: this.#droppedBytes });
  }

  #pump(): void {
    const hadRoom = this.#headLeft > 0;
    while (this.#canSend) this.#sendPiece(Math.min(this.#credit, this.#headLeft));
    if (hadRoom && this.#headLeft <= 0) this.#options.send(limitNote(this.#options.maxBytes));
    const canWait = this.#mayWait && !this.#isStalled && this.#headLeft > 0;
    if (!canWait) this.#droppedBytes += this.#queue.trim(this.#capacity);
    this.#setPressure(canWait && this.#queue.cost > pressureCost);
  }

  #sendPiece(budget: number): void {
    const { entries, cost } = this.#queue.take(budget);
    this.#credit -= cost;
    this.#headLeft -= cost;
    this.#options.send({ entries, cost, droppedBytes: this.#droppedBytes });
    this.#droppedBytes = 0;
  }

  /** What may be kept while nothing can be sent. */
  get #capacity(): number {
    return Math.min(maxTailCost, this.#tailCost + Math.max(0, this.#headLeft));
  }

  get #canSend(): boolean {
    return this.#queue.cost > 0 && this.#credit > 0 && this.#headLeft > 0;
  }

  #setPressure(isHigh: boolean): void {
    if (isHigh === this.#hasPressure) return;
    this.#hasPressure = isHigh;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = isHigh ? setTimeout(() => this.#giveUpWaiting(), maxStallMs) : undefined;
    this.#options.onPressure(isHigh);
  }

  #giveUpWaiting(): void {
    this.#isStalled = true;
    this.#pump();
  }

  #armSendTimer(): void {
    if (this.#sendTimer !== undefined || !(this.#canSend || this.#partialLines.hasAny)) return;
    this.#sendTimer = setTimeout(() => {
      this.#sendTimer = undefined;
      for (const block of this.#partialLines.takeOlderThan(partialLineMs)) this.#queue.push(block);
      this.#pump();
      this.#armSendTimer();
    }, sendDelayMs);
  }
}

function limitNote(maxBytes: number): LogPiece {
  const text = `log limit of ${maxBytes} bytes reached: what follows is left out, except the last lines, which come at the end`;
  return { entries: [{ source: "system", at: Date.now(), text }], cost: 0, droppedBytes: 0 };
}
