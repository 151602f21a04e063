import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chromeTrace } from "./chrome-trace.ts";
import { Engine } from "./engine.ts";
import type { ExecutionResult, TaskReport } from "./execution-report.ts";
import { executionTrace } from "./execution-trace.ts";

const nothingUseful: unknown = "text";

test("executionTrace is plain JSON with every task and its error", async () => {
  const result = await new Engine({ errorStrategy: "continue" })
    .register({ id: "a", handler: () => delay(1) })
    .register({ id: "b", handler: () => Promise.reject(new TypeError("broken")) })
    .register({ id: "c", dependsOn: ["b"], handler: () => 1 })
    .register({
      id: "d",
      handler: async () => {
        throw nothingUseful;
      },
    })
    .execute();
  const trace = executionTrace(result);
  expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  expect(trace.error).toEqual({ name: "TypeError", message: "broken" });
  expect(trace.tasks.map(({ taskId, status, error }) => [taskId, status, error?.name])).toEqual([
    ["a", "SUCCESS", undefined],
    ["b", "FAILED", "TypeError"],
    ["c", "SKIPPED", "EngineError"],
    ["d", "FAILED", "string"],
  ]);
});

describe("chromeTrace", () => {
  test("puts tasks that ran into lines, in microseconds from the start", () => {
    const { traceEvents, displayTimeUnit } = chromeTrace(
      resultOf([bar("a", 100, 130), bar("b", 110, 120), bar("c", 120, 140), skipped("d")]),
    );
    expect(displayTimeUnit).toBe("ms");
    expect(traceEvents.map(({ name, ts, dur, tid, ph }) => [name, ts, dur, tid, ph])).toEqual([
      ["a", 0, 30_000, 1, "X"],
      ["b", 10_000, 10_000, 2, "X"],
      ["c", 20_000, 20_000, 2, "X"],
    ]);
  });

  test("never has two bars over each other in a line, and no more lines than are needed", () => {
    const bars = fc.array(fc.tuple(fc.nat(20), fc.nat(8)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(bars, (drawn) => {
        const { traceEvents } = chromeTrace(
          resultOf(drawn.map(([at, length], place) => bar(`t${place}`, 100 + at, 100 + at + length))),
        );
        const overlapping = (a: (typeof traceEvents)[number], b: (typeof traceEvents)[number]): boolean =>
          a !== b && a.ts < b.ts + b.dur && b.ts < a.ts + a.dur;
        for (const event of traceEvents) {
          expect(traceEvents.filter((other) => other.tid === event.tid && overlapping(event, other))).toEqual([]);
        }
        const busiest = Math.max(
          ...traceEvents.map(
            ({ ts }) => traceEvents.filter((other) => other.ts <= ts && ts < other.ts + Math.max(1, other.dur)).length,
          ),
        );
        expect(new Set(traceEvents.map(({ tid }) => tid)).size).toBeLessThanOrEqual(busiest);
      }),
    );
  });
});

function bar(taskId: string, startTime: number, endTime: number): TaskReport {
  return { taskId, status: "SUCCESS", error: null, startTime, endTime, durationMs: endTime - startTime, tries: 1 };
}

function skipped(taskId: string): TaskReport {
  return { taskId, status: "SKIPPED", error: null, startTime: null, endTime: null, durationMs: null, tries: 0 };
}

function resultOf(reports: readonly TaskReport[]): ExecutionResult {
  return {
    executionId: "e",
    success: true,
    error: null,
    reports: new Map(reports.map((report) => [report.taskId, report])),
    store: { has: () => false, get: () => undefined, set: () => undefined, entries: () => [] },
    startTime: 100,
    endTime: 200,
    durationMs: 100,
    getResult: () => undefined,
    hasResult: () => false,
  };
}
