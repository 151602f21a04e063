import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChromeTrace, chromeTrace } from "../chrome-trace.ts";
import type { ExecutionResult, TaskReport } from "../execution-report.ts";
import { resolveOptions } from "../engine-options.ts";
import { buildPlan } from "../engine-plan.ts";
import { type ExecutionTrace, executionTrace } from "../execution-trace.ts";
import { RegisteredTask } from "../registered-task.ts";
import { TaskLedger } from "../task-ledger.ts";
import { TaskReportMap } from "../task-report-map.ts";
import { choose, idsOf, type RandomGraph, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import {
  afterPace,
  arbitraryPaces,
  arbitraryScripts,
  engineWith,
  type LogEntry,
  type Script,
  scriptedTask,
} from "./scripted-task.testsuite.ts";

const strategies = fc.constantFrom("fail-fast" as const, "continue" as const);

const neverStarted: Omit<TaskReport, "taskId"> = {
  status: "PENDING",
  error: null,
  startTime: null,
  endTime: null,
  durationMs: null,
  tries: 0,
};

function executeScripts(
  graph: RandomGraph,
  scripts: readonly Script[],
  errorStrategy: "fail-fast" | "continue",
  log: LogEntry[] = [],
): Promise<ExecutionResult> {
  return engineWith(
    graph.tasks.map((task, place) => scriptedTask(task, choose(scripts, place), log)),
    { errorStrategy },
  ).execute();
}

test("Property: millrace-engine, Property 16: result has its required fields", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, strategies, async (graph, scripts, strategy) => {
      const result = await executeScripts(graph, scripts, strategy);

      expect(typeof result.executionId).toBe("string");
      expect(typeof result.success).toBe("boolean");
      expect(result.success).toBe(result.error === null);
      expect(result.reports.size).toBe(graph.tasks.length);
      expect(result.endTime).toBeGreaterThanOrEqual(result.startTime);
      expect(result.durationMs).toBeGreaterThanOrEqual(0);
      expect([...result.store.entries()].map(([id]) => id).filter((id) => !result.hasResult(id))).toEqual([]);
      expect(idsOf(graph).filter((id) => result.getResult(id) !== result.store.get(id))).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 41: PENDING before the start", () =>
  fc.assert(
    fc.property(arbitraryGraph, (graph) => {
      const tasks = graph.tasks.map((task) => new RegisteredTask({ ...task, handler: () => undefined }));
      const places = new Map(tasks.map(({ id }, place) => [id, place]));
      const plan = buildPlan({ options: resolveOptions({}), middlewares: [], tasks, places });
      const ledger = new TaskLedger(plan, null);
      const pending = idsOf(graph).map((taskId) => ({ ...neverStarted, taskId }));

      const made = [...new TaskReportMap(ledger).values()];
      ledger.begin([]);
      const begun = [...new TaskReportMap(ledger).values()];

      expect(made).toEqual(pending);
      expect(begun).toEqual(pending);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 42: normal return gives SUCCESS", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, strategies, async (graph, scripts, strategy) => {
      const log: LogEntry[] = [];

      const { reports } = await executeScripts(graph, scripts, strategy, log);

      const returned = graph.tasks
        .filter((_, place) => choose(scripts, place).end === "success")
        .map(({ id }) => id)
        .filter((id) => log.some(({ taskId, what }) => taskId === id && what === "end"));
      const succeeded = [...reports.values()].filter(({ status }) => status === "SUCCESS");
      expect(sorted(succeeded.map(({ taskId }) => taskId))).toEqual(sorted(returned));
      expect(succeeded.map(({ error }) => error)).toEqual(succeeded.map(() => null));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 43: a report has all its fields", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, strategies, async (graph, scripts, strategy) => {
      const log: LogEntry[] = [];
      const before = Date.now();

      const { reports } = await executeScripts(graph, scripts, strategy, log);

      const after = Date.now();
      for (const [id, report] of reports) {
        expect(Object.keys(report).sort()).toEqual(
          ["durationMs", "endTime", "error", "startTime", "status", "taskId", "tries"].sort(),
        );
        expect(report.taskId).toBe(id);
        if (log.some(({ taskId }) => taskId === id)) expectStarted(report, before, after);
        else expect([report.startTime, report.durationMs, report.tries]).toEqual([null, null, 0]);
      }
    }),
    cases,
  ));

function expectStarted({ startTime, endTime, durationMs, tries }: TaskReport, before: number, after: number): void {
  expect(tries).toBe(1);
  expect(startTime).toBeGreaterThanOrEqual(before);
  expect(endTime).toBeGreaterThanOrEqual(startTime ?? Number.NaN);
  expect(endTime).toBeLessThanOrEqual(after);
  expect(durationMs).toBeGreaterThanOrEqual(0);
}

test("Property: millrace-engine, Property 44: every task has a report", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, strategies, async (graph, scripts, strategy) => {
      const { reports } = await executeScripts(graph, scripts, strategy);

      expect(sorted(reports.keys())).toEqual(sorted(idsOf(graph)));
      expect(sorted([...reports.values()].map(({ taskId }) => taskId))).toEqual(sorted(idsOf(graph)));
      expect(idsOf(graph).map((id) => reports.get(id)?.taskId)).toEqual(idsOf(graph));
      expect(reports.has("nobody")).toBe(false);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 45: result has the execution id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const seen = new Set<string>();
      const engine = engineWith(
        graph.tasks.map((task, place) => {
          const { handler } = scriptedTask(task, { pace: choose(paces, place), end: "success" }, []);
          return {
            ...task,
            handler: (context) => {
              seen.add(context.executionId);
              return handler(context);
            },
          };
        }),
        { observer: ({ executionId }) => seen.add(executionId) },
      );

      const { executionId } = await engine.execute();

      expect([...seen]).toEqual([executionId]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 46: success true if all succeed", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, strategies, async (graph, paces, strategy) => {
      const scripts = paces.map((pace): Script => ({ pace, end: "success" }));

      const { success, error, reports } = await executeScripts(graph, scripts, strategy);

      expect([...reports.values()].map(({ status }) => status)).toEqual(graph.tasks.map(() => "SUCCESS"));
      expect(success).toBe(true);
      expect(error).toBe(null);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 47: success false on any FAILED or SKIPPED", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      arbitraryScripts,
      strategies,
      fc.nat(999),
      fc.constantFrom("failure" as const, "skip" as const),
      async (graph, scripts, strategy, pick, end) => {
        const place = pick % graph.tasks.length;
        const changed = scripts.map((script, index): Script => (index === place ? { ...script, end } : script));

        const { success, reports } = await executeScripts(graph, changed, strategy);

        const statuses = new Set([...reports.values()].map(({ status }) => status));
        expect(statuses.has("FAILED") || statuses.has("SKIPPED")).toBe(true);
        expect(success).toBe(false);
      },
    ),
    cases,
  ));

test("Property: millrace-engine, Property 48: result gives access to the store", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, strategies, async (graph, scripts, strategy) => {
      const { store, reports } = await executeScripts(graph, scripts, strategy);

      const succeeded = idsOf(graph).filter((id) => reports.get(id)?.status === "SUCCESS");
      expect(sorted([...store.entries()].map(([id]) => id))).toEqual(sorted(succeeded));
      expect(idsOf(graph).filter((id) => store.has(id))).toEqual(idsOf(graph).filter((id) => succeeded.includes(id)));
      expect(succeeded.map((id) => store.get(id))).toEqual(succeeded);
    }),
    cases,
  ));

test("Property: millrace-engine: the traces of any execution are JSON and have every task, whatever was thrown", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      arbitraryPaces,
      arbitraryPicks,
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      async (graph, paces, picks, thrown) => {
        const isBroken = (place: number): boolean => choose(picks, place) % 4 === 0;
        const called = new Set<string>();
        const result = await engineWith(
          graph.tasks.map((task, place) => ({
            ...task,
            handler: () => {
              called.add(task.id);
              return afterPace(choose(paces, place), () => {
                if (isBroken(place)) throw thrown;
              });
            },
          })),
        ).execute();

        const trace = JSON.parse(JSON.stringify(executionTrace(result))) as ExecutionTrace;
        const chrome = JSON.parse(JSON.stringify(chromeTrace(result))) as ChromeTrace;

        const told = trace.tasks.map(({ taskId, status }) => [taskId, status]);
        expect(told).toEqual(idsOf(graph).map((id) => [id, result.reports.get(id)?.status]));
        expect(sorted(chrome.traceEvents.map(({ name }) => name))).toEqual(sorted(called));
      },
    ),
    cases,
  ));
