import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, KafkaMessage } from "kafkajs";
import type { TicketSubscription } from "#ports/ticket-consumer.ts";
import type { Timer } from "#ports/clock.ts";
import type { StoredMessage } from "../message.ts";
import { PartitionIntake } from "../partition-intake.ts";
import { createKafkaClient, type KafkaClient } from "./kafka-client.ts";
import type { KafkaBusOptions } from "./kafka-options.ts";
import { type CommittableOffset, OffsetCommitter } from "./offset-committer.ts";

/** The default of 5 s makes leaving a group take 9 s; below 100 ms idle consumers cost CPU. */
const maxFetchWaitMs = 100;
const metadataMaxAgeMs = 60_000;
/** kafkajs may be stuck if it neither fetched nor joined for so long beyond the longest rebalance. */
const stallMarginMs = 10_000;

export interface SessionOptions {
  readonly queue: string;
  readonly topic: string;
  readonly groupId: string;
  readonly subscription: TicketSubscription;
  readonly kafka: KafkaBusOptions;
  readonly isPaused: () => boolean;
  readonly onOwnedChanged: () => void;
}

/**
 * One membership in a queue's group, from joining to its end; it is never restarted, the next one is a new session.
 * Nothing waits in kafkajs's callbacks: work there would stop the whole group when someone joins.
 */
export class MemberSession {
  readonly #options: SessionOptions;
  readonly #client: KafkaClient;
  readonly #consumer: Consumer;
  readonly #committer: OffsetCommitter;
  readonly #intakes = new Map<number, PartitionIntake>();
  /** Partitions that kafkajs does not fetch at our word. */
  readonly #heldBack = new Set<number>();
  readonly #crashed = Promise.withResolvers<never>();
  readonly #joined = Promise.withResolvers<void>();
  #memberId: string | null = null;
  #lastSignAt: number;
  #watch: Timer | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { kafka, groupId, topic } = options;
    this.#client = createKafkaClient(kafka);
    this.#consumer = this.#client.kafka.consumer({
      groupId,
      sessionTimeout: kafka.timing.sessionTimeoutMs,
      rebalanceTimeout: kafka.timing.sessionTimeoutMs,
      heartbeatInterval: kafka.timing.heartbeatIntervalMs,
      maxWaitTimeInMs: maxFetchWaitMs,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      // When the coordinator's broker dies, more retries only hold on to it longer.
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 300, restartOnFailure: async () => false },
    });
    this.#committer = new OffsetCommitter({
      list: () => this.#listReady(),
      commit: (offsets) =>
        this.#consumer.commitOffsets(
          offsets.map(({ partition, ready }) => ({ topic, partition, offset: String(ready.next) })),
        ),
      clock: kafka.clock,
      // What is committed makes room.
      onCommitted: () => {
        if (this.#heldBack.size > 0) this.adjustFlow();
      },
      onFailure: (thrown) => kafka.logger.debug({ err: thrown, queue: options.queue }, "a commit of offsets failed"),
    });
    this.#lastSignAt = kafka.clock.now();
  }

  get owned(): readonly number[] {
    return [...this.#intakes.keys()];
  }

  /** Resolves when it is in the group for the first time. */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  get hasJoined(): boolean {
    return this.#memberId !== null;
  }

  /** Joins and stays; rejects with what ended it. */
  async run(): Promise<never> {
    const { events } = this.#consumer;
    this.#consumer.on(events.CRASH, ({ payload }) => this.#crashed.reject(payload.error));
    this.#consumer.on(events.GROUP_JOIN, (event) => this.#onJoin(event));
    this.#consumer.on(events.FETCH_START, () => this.#noteSign());
    this.#watchForStall();
    this.#start().catch((thrown: unknown) => this.#crashed.reject(thrown));
    return this.#crashed.promise;
  }

  /** After a change of `isPaused`, or of what is in hand. */
  adjustFlow(): void {
    const isPaused = this.#options.isPaused();
    const stop = [...this.#intakes].filter(([partition, intake]) => {
      const isHeldBack = this.#heldBack.has(partition);
      return !isHeldBack && (isPaused || intake.isFull);
    });
    const go = [...this.#intakes].filter(([partition, intake]) => {
      return this.#heldBack.has(partition) && !isPaused && intake.hasRoom;
    });
    this.#steer(
      "pause",
      stop.map(([partition]) => partition),
    );
    this.#steer(
      "resume",
      go.map(([partition]) => partition),
    );
  }

  /** Commits what is done and leaves the group, then cuts its connections, also when the time is over. */
  async close(deadline: Promise<void>): Promise<void> {
    await Promise.race([this.#leave(), deadline]);
    this.destroy();
  }

  /** Lets go of everything without a word to the broker. */
  destroy(): void {
    this.#watch?.cancel();
    this.#committer.end();
    for (const intake of this.#intakes.values()) intake.end();
    this.#intakes.clear();
    this.#client.destroy();
  }

  async #start(): Promise<void> {
    const { topic } = this.#options;
    await this.#consumer.connect();
    // A partition without a committed offset would else begin at its end, and lose what came before the group knew it.
    await this.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => this.#onBatch(payload),
    });
  }

  async #leave(): Promise<void> {
    if (this.hasJoined) await this.#committer.flush();
    await this.#consumer.disconnect().catch(() => undefined);
  }

  /**
   * A member that keeps its id was in every generation of the group, so a partition that it still has was never another's
   * and what is in hand stays valid. Whoever was forgotten by the group gets a new id and begins anew.
   */
  #onJoin({ payload }: ConsumerGroupJoinEvent): void {
    const assigned = payload.memberAssignment[this.#options.topic] ?? [];
    const isSameMember = payload.memberId === this.#memberId;
    this.#memberId = payload.memberId;
    this.#joined.resolve();
    this.#noteSign();
    for (const [partition, intake] of this.#intakes) {
      if (isSameMember && assigned.includes(partition)) continue;
      intake.end();
      this.#intakes.delete(partition);
    }
    for (const partition of assigned) {
      if (!this.#intakes.has(partition)) this.#intakes.set(partition, this.#openIntake(partition));
    }
    this.adjustFlow();
    this.#committer.wake();
    this.#options.onOwnedChanged();
  }

  #openIntake(partition: number): PartitionIntake {
    const { queue, topic, subscription, kafka } = this.#options;
    return new PartitionIntake({
      queue,
      topic,
      partition,
      subscription,
      onProgress: () => this.#committer.wake(),
      clock: kafka.clock,
      logger: kafka.logger,
    });
  }

  #onBatch(payload: EachBatchPayload): void {
    const { batch } = payload;
    const intake = this.#intakes.get(batch.partition);
    for (const message of batch.messages) {
      if (intake === undefined || !payload.isRunning() || payload.isStale()) return;
      if (this.#options.isPaused() || intake.isFull) return this.adjustFlow();
      intake.take(toStoredMessage(message));
      payload.resolveOffset(message.offset);
    }
  }

  #listReady(): readonly CommittableOffset[] {
    return [...this.#intakes].flatMap(([partition, intake]) => {
      const ready = intake.readyOffset();
      return ready === null ? [] : [{ partition, ready }];
    });
  }

  #steer(way: "pause" | "resume", partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    for (const partition of partitions) {
      if (way === "pause") this.#heldBack.add(partition);
      else this.#heldBack.delete(partition);
    }
    try {
      this.#consumer[way]([{ topic: this.#options.topic, partitions: [...partitions] }]);
    } catch (thrown) {
      // kafkajs refuses when it has just stopped; then this session is about to end.
      this.#options.kafka.logger.debug({ err: thrown, queue: this.#options.queue }, `the consumer can't ${way}`);
    }
  }

  #noteSign(): void {
    this.#lastSignAt = this.#options.kafka.clock.now();
  }

  #watchForStall(): void {
    const { clock, timing } = this.#options.kafka;
    const limitMs = 2 * timing.sessionTimeoutMs + timing.requestTimeoutMs + stallMarginMs;
    this.#watch = clock.after(limitMs, () => {
      const silentMs = Math.round(clock.now() - this.#lastSignAt);
      if (silentMs < limitMs) return this.#watchForStall();
      this.#crashed.reject(new Error(`the consumer of queue ${this.#options.queue} did nothing for ${silentMs} ms`));
    });
  }
}

function toStoredMessage({ offset, timestamp, key, value, headers }: KafkaMessage): StoredMessage {
  const allHeaders = Object.entries(headers ?? {}).flatMap(([name, held]) =>
    (Array.isArray(held) ? held : [held ?? ""]).map((one) => ({ name, value: Buffer.from(one) })),
  );
  const texts = allHeaders.map((header) => [header.name, header.value.toString()] as const);
  return { offset: Number(offset), stamp: timestamp, key, value, headers: new Map(texts), allHeaders };
}
