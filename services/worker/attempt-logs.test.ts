import { expect, test } from "vitest";
import { type AttemptRef, keyOf } from "./attempt.ts";
import { AttemptLogs } from "./attempt-logs.ts";

const refOf = (taskId: string): AttemptRef => ({
  dagRunId: "r",
  taskId,
  mapIndex: null,
  generation: 1,
  tryNumber: 1,
  fence: 1n,
});
const piece = (text: string, cost = 10) => ({
  entries: [{ source: "stdout" as const, at: 1, text }],
  droppedBytes: 0,
  cost,
});

function begin(logs: AttemptLogs, taskId: string): { key: string; given: number[] } {
  const given: number[] = [];
  logs.begin(refOf(taskId), (cost) => given.push(cost));
  return { key: keyOf(refOf(taskId)), given };
}

test("chunks are numbered from 1, kept until they are durable, and give their room back then", () => {
  const logs = new AttemptLogs();
  const { key, given } = begin(logs, "a");

  const sequences = ["x", "y", "z"].map((text) => logs.add(key, piece(text))?.sequence);
  logs.acknowledge(key, 2);
  logs.acknowledge(key, 1);

  expect(sequences).toEqual([1, 2, 3]);
  expect(given).toEqual([20]);
  expect(logs.unacknowledged().map(({ sequence }) => sequence)).toEqual([3]);
  expect(logs.countOf(key)).toBe(3);
});

test("an attempt that has ended is forgotten with its last confirmed chunk", () => {
  const logs = new AttemptLogs();
  const { key } = begin(logs, "a");
  logs.add(key, piece("x"));

  expect(logs.end(key)).toEqual([]);
  expect(logs.unacknowledged()).toHaveLength(1);
  logs.acknowledge(key, 1);

  expect(logs.unacknowledged()).toEqual([]);
  expect(logs.add(key, piece("late"))).toBeNull();
});

test("when nobody confirms anything the oldest ended logs are given up, never those of what runs", () => {
  const logs = new AttemptLogs();
  const large = 40 * 1024 * 1024;
  const [running, first, second] = ["running", "first", "second"].map((taskId) => begin(logs, taskId).key);
  for (const key of [running, first, second]) logs.add(key ?? "", piece("x", large));

  expect(logs.end(first ?? "")).toEqual([]);
  expect(logs.end(second ?? "")).toEqual([refOf("first")]);
  expect(logs.unacknowledged().map(({ ref }) => ref.taskId)).toEqual(["running", "second"]);
});
