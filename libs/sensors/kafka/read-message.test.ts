import { expect, test } from "vitest";
import type { TopicMessage } from "#bus/kafka/topic-reader.ts";
import { readMessage } from "./read-message.ts";

const messageOf = (changes: Partial<TopicMessage>): TopicMessage => ({
  offset: 7,
  timestamp: 1_700_000_000_000,
  key: null,
  value: null,
  headers: [],
  ...changes,
});

const viewOf = (changes: Partial<TopicMessage>): unknown => {
  const read = readMessage(2, messageOf(changes));
  return read.kind === "readable" ? read.view : read.reason;
};

test("a value is JSON where it is any, else text; a message without one has null", () => {
  const values = ['{"a": [1, "x"]}', "5", "true", "not { json", "", '\uFEFF{"a": 1}'];
  expect(values.map((text) => (viewOf({ value: Buffer.from(text) }) as { value: unknown }).value)).toEqual([
    { a: [1, "x"] },
    5,
    true,
    "not { json",
    "",
    { a: 1 },
  ]);
  expect(viewOf({})).toEqual({
    key: null,
    value: null,
    headers: {},
    partition: 2,
    offset: 7,
    timestamp: 1_700_000_000_000,
  });
});

test("headers go by names in lower case; what is no text is left out, and so is such a key", () => {
  const headers = [
    ["X-Type", Buffer.from("a")],
    ["x-type", Buffer.from("b")],
    ["trace", Buffer.from([0xff])],
    ["nul", Buffer.from("\0")],
  ] as const;
  expect(viewOf({ headers, key: Buffer.from([0, 0, 0, 5]) })).toMatchObject({ headers: { "x-type": "b" }, key: null });
  expect(viewOf({ key: Buffer.from("k") })).toMatchObject({ key: "k" });
});

test.each<[name: string, value: Buffer, reason: RegExp]>([
  ["a value that is no UTF-8", Buffer.from([0xc3, 0x28]), /no text in UTF-8/],
  ["a NUL character in JSON", Buffer.from(String.raw`{"a": ["\u0000"]}`), /NUL character/],
  ["a NUL character in a name", Buffer.from(String.raw`{"\u0000": 1}`), /NUL character/],
  ["half of a surrogate pair", Buffer.from(String.raw`"\ud800"`), /surrogate/],
  ["a NUL character in text", Buffer.from("a\0b"), /NUL character/],
  ["very deep JSON", Buffer.from("[".repeat(50_000) + "]".repeat(50_000)), /nested deeper than 64/],
  ["too large a value", Buffer.alloc(256 * 1024 + 1, "a"), /larger than 262144 bytes/],
])("%s makes no run", (_name, value, reason) => {
  expect(viewOf({ value })).toMatch(reason);
});

test("a time that no calendar has counts as none", () => {
  for (const timestamp of [-1, Number.NaN, 1.7e18]) expect(viewOf({ timestamp })).toMatchObject({ timestamp: null });
});
