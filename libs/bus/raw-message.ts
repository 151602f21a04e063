import { AppError } from "#errors/app-error.ts";
import type { RawMessage } from "#ports/bus-message.ts";
import type { OutgoingMessage } from "./message.ts";
import type { TopicNames } from "./topic-names.ts";

/** The message as it is. Refuses the topics of other installations: what is parked names its topic itself. */
export function encodeRaw({ topic, key, value, headers, partition }: RawMessage, names: TopicNames): OutgoingMessage {
  if (!names.owns(topic)) {
    throw new AppError("INVALID_ARGUMENT", `topic ${topic} is none of this installation: nothing is sent to it`);
  }
  const byName = Map.groupBy(headers, ({ name }) => name);
  const values = [...byName].map(([name, same]) => [name, same.map((header) => header.value)] as const);
  return { key, value, partition, headers: Object.fromEntries(values) };
}
