import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-api.ts";
import type { EngineEvent } from "./engine-event.ts";
import type { TaskDefinition } from "./task-definition.ts";
import { SkipTask } from "./engine-error.ts";

afterEach(() => {
  vi.useRealTimers();
});

function engineWith(task: Omit<TaskDefinition, "id">, options: EngineOptions = {}): Engine {
  return new Engine(options).register({ id: "a", ...task });
}

test("a task is tried until it succeeds, in fresh contexts and without the failed try's result", async () => {
  const events: string[] = [];
  const observer = (event: EngineEvent): void => {
    if (event.kind === "task_retried") events.push(`${event.tryNumber} ${String(event.error)} ${event.delayMs}`);
  };
  const result = await engineWith(
    {
      retry: { maxRetries: 3 },
      handler: ({ tryNumber, setResult, hasResult }) => {
        if (hasResult("a")) throw new Error("the last try's result is still there");
        if (tryNumber < 3) {
          setResult(tryNumber);
          throw new Error("not yet");
        }
      },
    },
    { observer },
  ).execute();
  expect(result.reports.get("a")).toMatchObject({ status: "SUCCESS", tries: 3, error: null });
  expect(result.hasResult("a")).toBe(false);
  expect(events).toEqual(["1 Error: not yet 0", "2 Error: not yet 0"]);
});

test("the last error is the task's when no retry is left", async () => {
  const { reports } = await engineWith({
    retry: { maxRetries: 2 },
    handler: ({ tryNumber }) => Promise.reject(new Error(`try ${tryNumber}`)),
  }).execute();
  expect(reports.get("a")).toMatchObject({ status: "FAILED", tries: 3, error: new Error("try 3") });
});

test.each<[string, () => unknown, TaskDefinition["retry"]]>([
  ["an abort", () => new DOMException("stopped", "AbortError"), { maxRetries: 3 }],
  ["a skip", () => new SkipTask(), { maxRetries: 3 }],
  ["what retryIf refuses", () => new Error("permanent"), { maxRetries: 3, retryIf: () => false }],
])("%s is final", async (_, create, retry) => {
  let calls = 0;
  await engineWith({
    ...(retry === undefined ? {} : { retry }),
    handler: () => {
      calls += 1;
      throw create();
    },
  }).execute();
  expect(calls).toBe(1);
});

test("a retryIf that throws retries nothing and hides no error", async () => {
  const { reports } = await engineWith({
    retry: {
      maxRetries: 3,
      retryIf: () => {
        throw new Error("broken rule");
      },
    },
    handler: () => Promise.reject(new Error("the real one")),
  }).execute();
  expect(reports.get("a")).toMatchObject({ tries: 1, error: new Error("the real one") });
});

test("delays grow by the multiplier up to their maximum", async () => {
  vi.useFakeTimers();
  const delays: number[] = [];
  const execution = engineWith(
    {
      retry: { maxRetries: 4, delayMs: 100, backoffMultiplier: 3, maxDelayMs: 1000 },
      handler: () => Promise.reject(new Error("again")),
    },
    { observer: (event) => event.kind === "task_retried" && delays.push(event.delayMs) },
  ).execute();
  await vi.runAllTimersAsync();
  const { reports } = await execution;
  expect(delays).toEqual([100, 300, 900, 1000]);
  expect(reports.get("a")?.durationMs).toBe(2300);
});

test("an abort within the delay ends the task as failed by its last error, and leaves no timer", async () => {
  vi.useFakeTimers();
  const stop = new AbortController();
  const retried = Promise.withResolvers<void>();
  const execution = engineWith(
    { retry: { maxRetries: 9, delayMs: 60_000 }, handler: () => Promise.reject(new Error("again")) },
    { observer: ({ kind }) => kind === "task_retried" && retried.resolve() },
  ).execute(stop.signal);
  await retried.promise;
  stop.abort("enough");
  const { reports, error } = await execution;
  expect(reports.get("a")).toMatchObject({ status: "FAILED", tries: 1, error: new Error("again") });
  expect(error).toBe("enough");
  expect(vi.getTimerCount()).toBe(0);
});

test("a failure elsewhere leaves a running try its end, but no other try", async () => {
  const gate = Promise.withResolvers<never>();
  let calls = 0;
  const execution = engineWith({
    retry: { maxRetries: 9 },
    handler: () => {
      calls += 1;
      return gate.promise;
    },
  })
    .register({ id: "bad", handler: () => Promise.reject(new Error("broken")) })
    .execute();
  await setImmediate();
  gate.reject(new Error("mine"));
  const { reports } = await execution;
  expect(calls).toBe(1);
  expect(reports.get("a")).toMatchObject({ status: "FAILED", error: new Error("mine"), tries: 1 });
});

test("100,000 tries without delay keep the stack flat", async () => {
  const again = new Error("again");
  const { reports } = await engineWith({
    retry: { maxRetries: 100_000 },
    handler: ({ tryNumber }) => {
      if (tryNumber <= 100_000) throw again;
    },
  }).execute();
  expect(reports.get("a")).toMatchObject({ status: "SUCCESS", tries: 100_001 });
});
