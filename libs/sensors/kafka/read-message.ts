import type { TopicMessage } from "#bus/kafka/topic-reader.ts";
import { definitionLimits } from "#definition/limits.ts";
import type { Json } from "#definition/model.ts";
import type { MessageView } from "#definition/rendering/render-context.ts";

/** Key, value and headers of a message that makes a run, together: they are kept with the run. */
const maxMessageBytes = 256 * 1024;

/** The last millisecond of the year 9999; clocks of producers may say anything. */
const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

type ReadMessage =
  | { readonly kind: "readable"; readonly view: MessageView }
  /** `reason`: why it can make no run. */
  | { readonly kind: "unreadable"; readonly reason: string };

const utf8 = new TextDecoder("utf-8", { fatal: true });

export function sizeOf({ key, value, headers }: TopicMessage): number {
  const ofHeaders = headers.reduce((sum, [name, held]) => sum + name.length + held.length, 0);
  return (key?.length ?? 0) + (value?.length ?? 0) + ofHeaders;
}

/** A message as conditions and runs see it. Keys and headers that are no text count as none. */
export function readMessage(partition: number, message: TopicMessage): ReadMessage {
  if (sizeOf(message) > maxMessageBytes) return unreadable(`they are larger than ${maxMessageBytes} bytes`);
  const { key, value, headers, offset, timestamp } = message;
  const text = value === null ? null : decode(value);
  if (value !== null && text === null) return unreadable("their values are no text in UTF-8");
  const parsed = text === null ? null : parse(text);
  const fault = faultOf(parsed);
  if (fault !== null) return unreadable(fault);
  const texts = headers.flatMap(([name, held]) => {
    const read = decode(held);
    return read === null || !isStorable(read) || !isStorable(name) ? [] : [[name.toLowerCase(), read] as const];
  });
  const keyText = key === null ? null : decode(key);
  const isKey = keyText !== null && isStorable(keyText);
  const hasTime = timestamp >= 0 && timestamp <= lastTime;
  const view = {
    key: isKey ? keyText : null,
    value: parsed,
    headers: Object.fromEntries(texts),
    partition,
    offset,
    timestamp: hasTime ? timestamp : null,
  };
  return { kind: "readable", view };
}

function unreadable(reason: string): ReadMessage {
  return { kind: "unreadable", reason };
}

function decode(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Why a value can't be kept; null: it can. */
function faultOf(value: Json): string | null {
  const pending: { readonly value: Json; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value: current, depth } = next;
    if (typeof current === "string" && !isStorable(current)) return unstorable;
    if (typeof current !== "object" || current === null) continue;
    if (depth > definitionLimits.nesting) return `their values are nested deeper than ${definitionLimits.nesting}`;
    for (const [name, inner] of Object.entries(current)) {
      if (!isStorable(name)) return unstorable;
      pending.push({ value: inner, depth: depth + 1 });
    }
  }
  return null;
}

const unstorable = "they hold a NUL character or half of a surrogate pair, which can't be stored";

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}
