import { describe, expect, it, test } from "vitest";
import { type AttemptRef, keyOf } from "./attempt.ts";
import { createManualClock } from "#testing/manual-clock.ts";
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

/** Logs, with what they send as the name and the number of each chunk. */
function openLogs() {
  const clock = createManualClock();
  const sent: string[] = [];
  const logs = new AttemptLogs(clock, ({ ref, sequence }) => sent.push(`${ref.taskId}${sequence}`));
  /** What a new session is told. */
  const sentAgain = (): readonly string[] => {
    sent.length = 0;
    logs.sendAgain();
    return sent;
  };
  return { clock, logs, sent, sentAgain };
}

function begin(logs: AttemptLogs, taskId: string): { key: string; given: number[] } {
  const given: number[] = [];
  logs.begin(refOf(taskId), (cost) => given.push(cost));
  return { key: keyOf(refOf(taskId)), given };
}

test("chunks are numbered from 1, kept until they are durable, and give their room back then", () => {
  const { logs, sent, sentAgain } = openLogs();
  const { key, given } = begin(logs, "a");

  for (const text of ["x", "y", "z"]) logs.add(key, piece(text));
  expect(sent).toEqual(["a1", "a2", "a3"]);
  logs.acknowledge(key, 2);
  logs.acknowledge(key, 1);

  expect(given).toEqual([20]);
  expect(sentAgain()).toEqual(["a3"]);
  expect(logs.countOf(key)).toBe(3);
});

test("an attempt that has ended is forgotten with its last confirmed chunk", () => {
  const { logs, sentAgain } = openLogs();
  const { key } = begin(logs, "a");
  logs.add(key, piece("x"));

  expect(logs.end(key)).toEqual([]);
  expect(sentAgain()).toEqual(["a1"]);
  logs.acknowledge(key, 1);

  logs.add(key, piece("late"));
  expect(logs.countOf(key)).toBe(0);
  expect(sentAgain()).toEqual([]);
});

test("when nobody confirms anything the oldest ended logs are given up, never those of what runs", () => {
  const { logs, sentAgain } = openLogs();
  const large = 40 * 1024 * 1024;
  const [running, first, second] = ["running", "first", "second"].map((taskId) => begin(logs, taskId).key);
  for (const key of [running, first, second]) logs.add(key ?? "", piece("x", large));

  expect(logs.end(first ?? "")).toEqual([]);
  expect(logs.end(second ?? "")).toEqual([refOf("first")]);
  expect(sentAgain()).toEqual(["running1", "second1"]);
});

describe("a short beginning waits for the end of its attempt", () => {
  it("which takes it along: nobody else keeps or sends it then", () => {
    const { clock, logs, sent, sentAgain } = openLogs();
    const { key } = begin(logs, "a");
    logs.add(key, piece("x"));

    expect(logs.takeShort(key)).toEqual({ entries: piece("x").entries, droppedBytes: 0 });
    expect(logs.countOf(key)).toBe(1);
    logs.end(key);
    clock.advance(1000);

    expect(sent).toEqual([]);
    expect(sentAgain()).toEqual([]);
    expect(clock.timerCount()).toBe(0);
  });

  it("a moment, until more comes, or until it is told to go", () => {
    const { clock, logs, sent } = openLogs();
    const [late, long, told] = ["late", "long", "told"].map((taskId) => begin(logs, taskId).key);
    for (const key of [late, long, told]) logs.add(key ?? "", piece("x"));
    logs.add(long ?? "", piece("y"));
    logs.flush(told ?? "");
    expect(sent).toEqual(["long1", "long2", "told1"]);
    clock.advance(20);
    expect(sent).toEqual(["long1", "long2", "told1", "late1"]);
    for (const key of [late, long, told]) expect(logs.takeShort(key ?? "")).toBeNull();
  });

  it("not when it is long", () => {
    const { logs, sent } = openLogs();
    const { key } = begin(logs, "a");
    logs.add(key, piece("x".repeat(4097)));
    expect(sent).toEqual(["a1"]);
    expect(logs.takeShort(key)).toBeNull();
  });

  it("and goes once when a session begins meanwhile", () => {
    const { clock, logs, sentAgain } = openLogs();
    const { key } = begin(logs, "a");
    logs.add(key, piece("x"));
    expect(sentAgain()).toEqual(["a1"]);
    clock.advance(20);
    expect(sentAgain()).toEqual(["a1"]);
    expect(logs.takeShort(key)).toBeNull();
  });
});
