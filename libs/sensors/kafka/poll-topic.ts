import { setImmediate as nextTurn } from "node:timers/promises";
import { openTopicReader, type TopicReader } from "#bus/kafka/topic-reader.ts";
import { kafkaAccessOf } from "#connections/kafka-access.ts";
import type { KafkaConnection } from "#connections/kafka-connection.ts";
import { compileMatch } from "#definition/rendering/compile-match.ts";
import type { KafkaSensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import { baseline, type Look, type LookResult, quiet } from "../look.ts";
import { findPlaces, type LostMessages, type PartitionPlace, rememberPlaces } from "./partition-places.ts";
import { sizeOf } from "./read-message.ts";
import { TopicHarvest } from "./topic-harvest.ts";

/** What one look reads; the rest follows at once. */
const lookLimits = { messages: 10_000, bytes: 16 * 1024 * 1024 } as const;

/** Others get a turn after so many bytes; a message counts for some besides its own. */
const turnBytes = 256 * 1024;
const bytesPerMessage = 1024;

/** Reads a topic on from where it was: an event per message that matches, in the order of its partition. */
export async function pollTopic(sensor: KafkaSensor, look: Look): Promise<LookResult> {
  const { signal, state } = look;
  signal.throwIfAborted();
  const connection = findBrokers(sensor, look);
  const reader = openTopicReader(sensor.topic, kafkaAccessOf(connection, look.host.logger));
  const close = (): void => reader.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    const ranges = await reader.readRanges();
    if (ranges === null) {
      const place = connection.brokers.join(", ");
      throw new AppError(
        "SENSOR_FAILED",
        `there is no topic ${sensor.topic} on ${place}; create it, or correct \`topic\``,
      );
    }
    if (state === null) {
      return baseline(
        Object.fromEntries(rememberPlaces(ranges.map(({ partition, end }) => ({ partition, offset: end })))),
      );
    }
    const { places, lost } = findPlaces(state, ranges);
    return await readOn(sensor, look, { reader, places, lost });
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

function findBrokers({ connection }: KafkaSensor, { host }: Look): KafkaConnection {
  if (connection !== null) return host.connections.find(connection, "kafka");
  if (host.brokers !== null) return host.brokers;
  throw new AppError(
    "SENSOR_FAILED",
    "there are no brokers where the scheduler runs; set kafka.brokers, or give the sensor a `connection`",
  );
}

interface Reading {
  readonly reader: TopicReader;
  readonly places: readonly PartitionPlace[];
  readonly lost: readonly LostMessages[];
}

async function readOn(sensor: KafkaSensor, look: Look, { reader, places, lost }: Reading): Promise<LookResult> {
  const { topic, match, batchSize } = sensor;
  const harvest = new TopicHarvest(topic, match === null ? () => true : compileMatch(match));
  const waiting = places.filter(({ offset, end }) => offset < end);
  const share = {
    events: Math.max(1, Math.floor(batchSize / waiting.length)),
    messages: Math.max(1, Math.floor(lookLimits.messages / waiting.length)),
    bytes: lookLimits.bytes / waiting.length,
  };
  const reached = new Map<number, number>();
  for (const { partition, offset } of places) {
    if (look.state?.get(String(partition)) !== offset) reached.set(partition, offset);
  }
  let hasMore = false;
  for (const place of inTurn(waiting, look.now)) {
    const left = { ...share, events: Math.min(share.events, batchSize - harvest.firings.length) };
    const { offset, isCut } = await readPartition(place, { reader, harvest, left, signal: look.signal });
    hasMore ||= isCut;
    if (offset > place.offset) reached.set(place.partition, offset);
  }
  const put = rememberPlaces([...reached].map(([partition, offset]) => ({ partition, offset })));
  return {
    ...quiet,
    firings: harvest.firings,
    passedOver: [...lost.map((each) => toPassedOver(topic, each)), ...harvest.passedOver],
    patch: put.size === 0 ? null : { put, drop: [] },
    hasMore,
    problem: lost.length === 0 ? null : lost.map(({ partition, what }) => `partition ${partition}: ${what}`).join("; "),
  };
}

/** Each partition comes first now and then: where there is less room than partitions, none waits for ever. */
function inTurn(places: readonly PartitionPlace[], now: number): readonly PartitionPlace[] {
  const first = places.length === 0 ? 0 : now % places.length;
  return [...places.slice(first), ...places.slice(0, first)];
}

interface PartitionReading {
  readonly reader: TopicReader;
  readonly harvest: TopicHarvest;
  readonly left: { readonly events: number; readonly messages: number; readonly bytes: number };
  readonly signal: AbortSignal;
}

/** Reads a partition up to its end, or as far as there is room; `isCut`: there is more of it. */
async function readPartition(
  { partition, offset, end }: PartitionPlace,
  { reader, harvest, left, signal }: PartitionReading,
): Promise<{ readonly offset: number; readonly isCut: boolean }> {
  const mostFirings = harvest.firings.length + left.events;
  let place = offset;
  let messageCount = 0;
  let byteCount = 0;
  let turn = 0;
  const isFull = (): boolean =>
    harvest.firings.length >= mostFirings || messageCount >= left.messages || byteCount >= left.bytes;
  while (place < end) {
    if (isFull()) return { offset: place, isCut: true };
    const { messages, next } = await reader.read({ partition, offset: place });
    for (const message of messages) {
      if (isFull()) return { offset: place, isCut: true };
      harvest.take(partition, message);
      place = message.offset + 1;
      messageCount += 1;
      byteCount += sizeOf(message);
      turn += sizeOf(message) + bytesPerMessage;
      if (turn >= turnBytes) {
        turn = 0;
        await nextTurn(undefined, { signal });
      }
    }
    if (next <= place && messages.length === 0) break;
    place = Math.max(place, next);
  }
  return { offset: place, isCut: false };
}

function toPassedOver(topic: string, { partition, what }: LostMessages) {
  return { subject: `${topic}[${partition}]`, data: { topic, partition }, reason: what };
}
