import { AppError } from "#errors/app-error.ts";
import type { TopicPlan, TopicReport } from "#ports/topic-plan.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import { maxWaitingRecords } from "../bus-limits.ts";
import type { OutgoingMessage, StoredMessage } from "../message.ts";
import { createTopicNames, type TopicNames } from "../topic-names.ts";
import { MemoryBus } from "./memory-bus.ts";
import { MemoryGroup } from "./memory-group.ts";
import { MemoryLog } from "./memory-log.ts";

/** Nobody of ours reads events back from the bus; so many of the last are kept for whoever looks. */
const maxKeptEvents = 1000;

interface MemoryTopic {
  readonly logs: readonly MemoryLog[];
  /** Null: events, which have no group of ours. */
  readonly group: MemoryGroup | null;
}

/**
 * A broker within this process, for `dev`, tests and the simulator. It has no timers and nothing of chance: what it does
 * later it does on the given clock's next turn. What was committed is forgotten.
 */
export class MemoryBroker {
  readonly names: TopicNames = createTopicNames("millrace");
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #buses = new Set<MemoryBus>();
  #downCause: string | null = null;

  constructor(options: { clock: Clock; logger: Logger }) {
    this.clock = options.clock;
    this.logger = options.logger;
  }

  get downCause(): string | null {
    return this.#downCause;
  }

  /** The bus of one process. */
  connect(): MemoryBus {
    const bus = new MemoryBus(this, () => this.#buses.delete(bus));
    this.#buses.add(bus);
    return bus;
  }

  /** Takes the broker away, with what clients then see as the cause, or brings it back (null). */
  setDown(cause: string | null): void {
    this.#downCause = cause;
    for (const { group } of this.#topics.values()) group?.setAvailable(cause === null);
    for (const bus of this.#buses) {
      bus.tellAvailability();
      bus.joinGroups();
    }
  }

  createTopics(plan: TopicPlan): TopicReport {
    this.checkAvailable();
    const wanted = [
      { topic: this.names.events, partitions: plan.eventPartitions, hasGroup: false },
      ...plan.queues.map((queue) => ({
        topic: this.names.ticketsOf(queue),
        partitions: plan.partitions,
        hasGroup: true,
      })),
    ];
    const missing = wanted.filter(({ topic }) => !this.#topics.has(topic));
    for (const { topic, partitions, hasGroup } of missing) {
      const logs = Array.from({ length: partitions }, () => new MemoryLog());
      const nextTurn = (call: () => void): void => this.clock.nextTurn(call);
      this.#topics.set(topic, { logs, group: hasGroup ? new MemoryGroup(logs, nextTurn) : null });
    }
    for (const bus of this.#buses) bus.joinGroups();
    const differences = wanted.flatMap(({ topic, partitions }) => {
      const found = this.countPartitions(topic);
      return found < partitions
        ? [{ topic, setting: "partitions", wanted: String(partitions), found: String(found) }]
        : [];
    });
    return { created: missing.map(({ topic }) => topic), differences };
  }

  countPartitions(topic: string): number {
    this.checkAvailable();
    return this.#topics.get(topic)?.logs.length ?? 0;
  }

  groupOf(topic: string): MemoryGroup | null {
    return this.#topics.get(topic)?.group ?? null;
  }

  /** Appends all or nothing. A message of any content and size is taken, as by other programs on a real broker. */
  append(topic: string, messages: readonly OutgoingMessage[]): void {
    this.checkAvailable();
    const { logs, group } = this.#topics.get(topic) ?? { logs: [], group: null };
    if (logs.length === 0) throw new AppError("BUS_UNAVAILABLE", `topic ${topic} does not exist: create it first`);
    const placed = messages.map((message) => ({ message, partition: message.partition ?? placeOf(message.key, logs) }));
    for (const { partition } of placed) {
      if (logs[partition] !== undefined) continue;
      throw new AppError("INVALID_ARGUMENT", `topic ${topic} has ${logs.length} partitions, there is no ${partition}`);
    }
    const waiting = logs.reduce((sum, log) => sum + log.size, messages.length);
    if (group !== null && waiting > maxWaitingRecords) {
      throw new AppError(
        "BUS_UNAVAILABLE",
        `topic ${topic} is full, ${maxWaitingRecords} messages wait: try again later`,
      );
    }
    for (const { message, partition } of placed) logs[partition]?.append(message);
    if (group === null) for (const log of logs) log.trim(log.end - maxKeptEvents);
    group?.wake();
  }

  /** What is kept of each partition. */
  read(topic: string): readonly (readonly StoredMessage[])[] {
    return (this.#topics.get(topic)?.logs ?? []).map((log) => [...log.all()]);
  }

  checkAvailable(): void {
    if (this.#downCause === null) return;
    throw new AppError("BUS_UNAVAILABLE", `the bus does not answer: ${this.#downCause}`);
  }
}

function placeOf(key: OutgoingMessage["key"], logs: readonly MemoryLog[]): number {
  const hash = Buffer.from(key ?? "").reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7);
  return hash % logs.length;
}
