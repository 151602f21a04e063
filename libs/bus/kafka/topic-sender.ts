import { AppError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import { maxWaitingRecords } from "../bus-limits.ts";
import type { OutgoingMessage } from "../message.ts";
import { isFinal, toBusError } from "./kafka-errors.ts";

/** One send stays below the limit that brokers set on a batch, 1 MiB by default. */
const maxSendBytes = 768 * 1024;
const maxSendMessages = 2000;
/** What the protocol adds to a message at most, beside key, value and headers. */
const overheadBytes = 64;

const firstPauseMs = 50;
const longestPauseMs = 500;

interface Parcel {
  readonly messages: readonly OutgoingMessage[];
  readonly bytes: number;
  readonly settle: (error: AppError | null) => void;
  /** Null once it is settled. */
  deadline: Timer | null;
}

export interface TopicSenderOptions {
  readonly topic: string;
  /** One try; resolves to the partitions that do not exist, when all the rest is stored. */
  readonly send: (messages: readonly OutgoingMessage[]) => Promise<ReadonlySet<number>>;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly onFailure: () => void;
}

/**
 * Sends the messages of one topic in series: what is published while a send is under way goes with the next one. So the
 * order holds without an idempotent producer, and a topic with a problem holds up no other. A send that fails is repeated
 * until the deadline of what it carries.
 */
export class TopicSender {
  readonly #options: TopicSenderOptions;
  readonly #waiting: Parcel[] = [];
  #waitingCount = 0;
  #isRunning = false;
  #wakeUp: (() => void) | null = null;
  #lastFailure: unknown = null;

  constructor(options: TopicSenderOptions) {
    this.#options = options;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#waitingCount + messages.length > maxWaitingRecords) {
      throw new AppError(
        "BUS_UNAVAILABLE",
        `topic ${this.#options.topic} is held up, ${this.#waitingCount} messages wait: try again later`,
      );
    }
    const sent = splitBySize(messages).map((part) => this.#enqueue(part));
    if (!this.#isRunning) void this.#run();
    await Promise.all(sent);
  }

  /** Refuses what waits. */
  close(): void {
    const error = new AppError("BUS_UNAVAILABLE", "the bus was closed before the messages were sent");
    for (const parcel of [...this.#waiting]) this.#settle(parcel, error);
    this.#wakeUp?.();
  }

  #enqueue(messages: readonly OutgoingMessage[]): Promise<void> {
    const { deadlineMs, clock, topic } = this.#options;
    return new Promise((resolve, reject) => {
      const parcel: Parcel = {
        messages,
        bytes: sizeOf(messages),
        settle: (error) => (error === null ? resolve() : reject(error)),
        deadline: clock.after(deadlineMs, () => {
          const cause = this.#lastFailure ?? new Error("no answer");
          this.#settle(parcel, toBusError(`topic ${topic} took no messages for ${deadlineMs} ms`, cause));
        }),
      };
      this.#waiting.push(parcel);
      this.#waitingCount += messages.length;
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let pauseMs = firstPauseMs;
    while (this.#waiting.length > 0) {
      const parcels = this.#nextParcels();
      const failure = await this.#send(parcels);
      if (failure === null) {
        pauseMs = firstPauseMs;
        continue;
      }
      this.#options.onFailure();
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
    this.#isRunning = false;
  }

  /** The failure that is worth another try, or null. */
  async #send(parcels: readonly Parcel[]): Promise<unknown> {
    const { topic, send } = this.#options;
    try {
      const messages = parcels.flatMap((parcel) => parcel.messages);
      const nonexistent = await send(messages);
      this.#lastFailure = null;
      for (const parcel of parcels) this.#settle(parcel, checkPartitions(topic, parcel.messages, nonexistent));
      return null;
    } catch (thrown) {
      this.#lastFailure = thrown;
      if (!isFinal(thrown)) return thrown;
      const error = toBusError(`topic ${topic} refused the messages`, thrown);
      for (const parcel of parcels) this.#settle(parcel, error);
      return null;
    }
  }

  #nextParcels(): readonly Parcel[] {
    let bytes = 0;
    let count = 0;
    const end = this.#waiting.findIndex((parcel, index) => {
      bytes += parcel.bytes;
      count += parcel.messages.length;
      return index > 0 && (bytes > maxSendBytes || count > maxSendMessages);
    });
    return end === -1 ? [...this.#waiting] : this.#waiting.slice(0, end);
  }

  #settle(parcel: Parcel, error: AppError | null): void {
    if (parcel.deadline === null) return;
    parcel.deadline.cancel();
    parcel.deadline = null;
    this.#waiting.splice(this.#waiting.indexOf(parcel), 1);
    this.#waitingCount -= parcel.messages.length;
    parcel.settle(error);
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(pauseMs, () => this.#wakeUp?.());
      this.#wakeUp = () => {
        timer.cancel();
        this.#wakeUp = null;
        resolve();
      };
    });
  }
}

function checkPartitions(
  topic: string,
  messages: readonly OutgoingMessage[],
  nonexistent: ReadonlySet<number>,
): AppError | null {
  const lost = messages.find(({ partition }) => partition !== null && nonexistent.has(partition));
  if (lost === undefined) return null;
  return new AppError(
    "INVALID_ARGUMENT",
    `topic ${topic} has no partition ${lost.partition}: count its partitions anew`,
  );
}

function splitBySize(messages: readonly OutgoingMessage[]): readonly (readonly OutgoingMessage[])[] {
  const parts: OutgoingMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const last = parts.at(-1);
    bytes += sizeOf([message]);
    if (last !== undefined && bytes <= maxSendBytes && last.length < maxSendMessages) {
      last.push(message);
    } else {
      parts.push([message]);
      bytes = sizeOf([message]);
    }
  }
  return parts;
}

function sizeOf(messages: readonly OutgoingMessage[]): number {
  return messages.reduce((sum, { key, value, headers }) => {
    const headerBytes = Object.entries(headers).reduce(
      (total, [name, held]) => total + bytesOf(name) + (typeof held === "string" ? bytesOf(held) : sumOf(held)),
      0,
    );
    return sum + overheadBytes + bytesOf(key) + bytesOf(value) + headerBytes;
  }, 0);
}

function bytesOf(part: string | Uint8Array | null): number {
  return typeof part === "string" ? Buffer.byteLength(part) : (part?.length ?? 0);
}

function sumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + overheadBytes + part.length, 0);
}
