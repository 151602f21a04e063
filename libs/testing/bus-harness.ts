import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Bus } from "#ports/bus.ts";
import type { TopicPlan } from "#ports/topic-plan.ts";

/** A message as any program might send it. */
export interface RawMessage {
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReadMessage extends RawMessage {
  readonly key: string;
  readonly partition: number;
}

/** A bus under test, on a broker of its own or with names of its own. */
export interface BusHarness {
  readonly bus: Bus;
  /** The same broker as another process sees it. */
  readonly openAnother: () => Promise<Bus>;
  /** Puts a message into a partition of a queue, past all checks of ours. */
  readonly append: (queue: string, partition: number, message: RawMessage) => Promise<void>;
  /** All events of the broker, in order within each partition. */
  readonly readEvents: () => Promise<readonly ReadMessage[]>;
  /** What a broker calls the topic of a queue. */
  readonly topicOf: (queue: string) => string;
  readonly close: () => Promise<void>;
}

export type OpenBusHarness = () => Promise<BusHarness>;

/** Harnesses whose broker can go away and come back; its data stays. */
export interface OutageHarness extends BusHarness {
  readonly takeAway: () => Promise<void>;
  readonly bringBack: () => Promise<void>;
}

/** A harness for one test, with the topic of one queue. */
export async function openBusForTest<T extends BusHarness>(
  open: () => Promise<T>,
  partitions = 4,
): Promise<T & { readonly queue: string }> {
  const harness = await open();
  onTestFinished(() => harness.close());
  const queue = "default";
  await harness.bus.ensureTopics(planFor([queue], partitions));
  return { ...harness, queue };
}

export function planFor(queues: readonly string[], partitions: number): TopicPlan {
  const hourMs = 3_600_000;
  return {
    queues,
    partitions,
    eventPartitions: 2,
    replication: 1,
    ticketRetentionMs: hourMs,
    eventRetentionMs: hourMs,
  };
}

/** A name that no other test uses on a shared broker. */
export function uniquePrefix(): string {
  return `t${randomUUID().slice(0, 8)}`;
}
