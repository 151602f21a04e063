import { describe, expect, test } from "vitest";
import { type TaskState, taskStates } from "#core/states.ts";
import { RetryView } from "#gen/millrace/v1/task_service_pb.js";
import { formatDuration } from "./duration-text.ts";
import { parseFilter, readSingle, readWords } from "./filter.ts";
import { readLogLevel } from "./logs/log-level.ts";
import { retryViewOf } from "./runs/task-message.ts";

describe("the retry view", () => {
  const table: readonly [TaskState, number, string | null, RetryView][] = [
    ["queued", 0, null, RetryView.FIRST_ATTEMPT],
    ["queued", 1, null, RetryView.RETRYING],
    ["queued", 1, "deferred", RetryView.FIRST_ATTEMPT],
    ["queued", 2, "deferred", RetryView.RETRYING],
    ["running", 1, null, RetryView.FIRST_ATTEMPT],
    ["running", 2, null, RetryView.RETRYING],
    ["up_for_retry", 1, null, RetryView.FAILED_WILL_RETRY],
    ["success", 3, null, RetryView.SUCCESS],
    ["failed", 3, null, RetryView.FAILED_FINAL],
    ["none", 0, null, RetryView.UNSPECIFIED],
    ["upstream_failed", 0, null, RetryView.UNSPECIFIED],
    ["skipped", 0, null, RetryView.UNSPECIFIED],
    ["removed", 0, null, RetryView.UNSPECIFIED],
  ];

  test.each(table)("of %s at try %i (%s) is %i", (state, tryNumber, reason, view) => {
    expect(retryViewOf({ state, tryNumber, reason })).toBe(view);
  });

  test("is known for every state", () => {
    expect(new Set(table.map(([state]) => state))).toEqual(new Set(taskStates));
  });
});

test.each([
  [0, "00:00:00"],
  [999, "00:00:00"],
  [61_000, "00:01:01"],
  [3_600_000 * 100 + 59_999, "100:00:59"],
])("%i ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

describe("a filter", () => {
  const offered = { terms: ["state", "dag_id"], text: true };

  test("has terms with their values, and text", () => {
    const filter = parseFilter('state:failed,running some "more text" dag_id:"a b"', offered);
    expect([...filter.terms]).toEqual([
      ["state", ["failed", "running"]],
      ["dag_id", ["a b"]],
    ]);
    expect(filter.text).toBe("some more text");
    expect(readSingle(filter, "dag_id")).toBe("a b");
    expect(parseFilter(" ", offered)).toEqual({ terms: new Map(), text: null });
  });

  test.each([
    ["stat:x", "did you mean state?"],
    ["owner:me", "has no term owner here, only state, dag_id"],
    ["state>=x", 'compares state with ">="'],
    ["state:a state:b", "gives state twice"],
    ["x".repeat(2_001), "is longer than 2000"],
  ])("%s is refused", (text, message) => {
    expect(() => parseFilter(text, offered)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message) }),
    );
  });

  test("refuses unknown words with the closest one, and two values where one is taken", () => {
    expect(() => readWords("state", ["faild"], ["failed", "running"])).toThrow("did you mean failed?");
    expect(() => readSingle(parseFilter("dag_id:a,b", offered), "dag_id")).toThrow("takes one value");
  });
});

test.each([
  ["2026-01-31 12:00:00,123 ERROR root: broken", "error"],
  ["[WARN] careful", "warning"],
  ["DEBUG:x", "debug"],
  ['{"level":"info","msg":"x"}', "info"],
  ["level=fatal x", "error"],
  ["no ERRORS here", ""],
  ["information", ""],
  ["", ""],
])("the level of %j is %j", (text, level) => expect(readLogLevel(text)).toBe(level));
