import { setImmediate as nextTurn } from "node:timers/promises";
import type { TopicReader } from "#bus/kafka/topic-reader.ts";
import { compileMatch } from "#definition/rendering/compile-match.ts";
import type { KafkaSensor } from "#definition/schema/sensor-definition.ts";
import { describeError } from "#errors/app-error.ts";
import { type Look, type LookResult, quiet } from "../look.ts";
import { type LostMessages, type PartitionPlace, rememberPlaces } from "./partition-places.ts";
import { sizeOf } from "./read-message.ts";
import { TopicHarvest } from "./topic-harvest.ts";

/** What one look reads; the rest follows at once. */
const lookLimits = { messages: 10_000, bytes: 16 * 1024 * 1024 } as const;

/** Others get a turn after so many bytes; a message counts for some besides its own. */
const turnBytes = 256 * 1024;
const bytesPerMessage = 1024;

export interface TopicReading {
  readonly reader: Pick<TopicReader, "read">;
  readonly places: readonly PartitionPlace[];
  readonly lost: readonly LostMessages[];
}

/** One look at what came: an event per message that matches, and where the next look goes on. */
export async function readOn(
  sensor: KafkaSensor,
  look: Pick<Look, "state" | "now" | "signal">,
  { reader, places, lost }: TopicReading,
): Promise<LookResult> {
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
  const failures: { readonly partition: number; readonly error: unknown }[] = [];
  for (const place of inTurn(waiting, look.now)) {
    const left = { ...share, events: Math.min(share.events, batchSize - harvest.firings.length) };
    const { offset, isCut, error } = await readPartition(place, { reader, harvest, left, signal: look.signal });
    hasMore ||= isCut;
    if (offset > place.offset) reached.set(place.partition, offset);
    if (error !== undefined) failures.push({ partition: place.partition, error });
  }
  // What can't be read holds up its own partition alone; where nothing can, it is the look that fails.
  if (failures.length > 0 && failures.length === waiting.length && reached.size === 0) throw failures[0]?.error;
  const put = rememberPlaces([...reached].map(([partition, offset]) => ({ partition, offset })));
  return {
    ...quiet,
    firings: harvest.firings,
    passedOver: [...lost.map((each) => toPassedOver(topic, each)), ...harvest.passedOver],
    patch: put.size === 0 ? null : { put, drop: [] },
    hasMore,
    problem: toProblem([
      ...lost,
      ...failures.map(({ partition, error }) => ({ partition, what: describeError(error) })),
    ]),
  };
}

function toProblem(found: readonly LostMessages[]): string | null {
  return found.length === 0 ? null : found.map(({ partition, what }) => `partition ${partition}: ${what}`).join("; ");
}

/** Each partition comes first now and then: where there is less room than partitions, none waits for ever. */
function inTurn(places: readonly PartitionPlace[], now: number): readonly PartitionPlace[] {
  const first = places.length === 0 ? 0 : now % places.length;
  return [...places.slice(first), ...places.slice(0, first)];
}

interface PartitionReading {
  readonly reader: Pick<TopicReader, "read">;
  readonly harvest: TopicHarvest;
  readonly left: { readonly events: number; readonly messages: number; readonly bytes: number };
  readonly signal: AbortSignal;
}

/** Reads a partition up to its end, or as far as there is room (`isCut`: there is more of it), or to what can't be read. */
async function readPartition(
  { partition, offset, end }: PartitionPlace,
  { reader, harvest, left, signal }: PartitionReading,
): Promise<{ readonly offset: number; readonly isCut: boolean; readonly error?: unknown }> {
  const mostFirings = harvest.firings.length + left.events;
  let place = offset;
  let messageCount = 0;
  let byteCount = 0;
  let turn = 0;
  const isFull = (): boolean =>
    harvest.firings.length >= mostFirings || messageCount >= left.messages || byteCount >= left.bytes;
  while (place < end) {
    if (isFull()) return { offset: place, isCut: true };
    const batch = await reader.read({ partition, offset: place }).catch((error: unknown) => ({ error }));
    signal.throwIfAborted();
    if ("error" in batch) return { offset: place, isCut: false, error: batch.error };
    const { messages, next } = batch;
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
