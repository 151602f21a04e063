import fc from "fast-check";
import { expect, test } from "vitest";
import { startGated } from "./gated-run.testsuite.ts";
import { choose, idsOf, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryParts, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import {
  afterPace,
  arbitraryPaces,
  arbitraryScripts,
  engineWith,
  type LogEntry,
  scriptedTask,
} from "./scripted-task.testsuite.ts";

/** What may be thrown: anything, though most throw errors. */
const arbitraryThrown = fc.oneof(
  fc.string().map((message) => new Error(message)),
  fc.constantFrom<unknown>("text", 0, null, undefined, Symbol("sign"), { code: 7 }),
);

test("Property: millrace-engine, Property 22: a handler error gives FAILED", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      fc.nat(999),
      arbitraryPaces,
      arbitraryThrown,
      fc.constantFrom("fail-fast" as const, "continue" as const),
      async (graph, pick, paces, thrown, errorStrategy) => {
        const failing = choose(idsOf(graph), pick);
        const engine = engineWith(
          graph.tasks.map((task, place) => ({
            ...task,
            handler: () =>
              afterPace(choose(paces, place), () => {
                if (task.id === failing) throw thrown;
              }),
          })),
          { errorStrategy },
        );

        const { reports } = await engine.execute();

        const failed = [...reports.values()].filter(({ status }) => status === "FAILED");
        expect(failed.map(({ taskId }) => taskId)).toEqual([failing]);
        expect(failed.map(({ error }) => error)).toEqual([thrown]);
      },
    ),
    cases,
  ));

test("Property: millrace-engine, Property 23: a failure aborts the execution's signal for all", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, fc.nat(19), async (graph, picks, failAt) => {
      const run = await startGated(graph);
      for (const pick of picks.slice(0, Math.min(failAt, graph.tasks.length - 1))) {
        await run.succeed(choose([...run.open], pick));
      }
      const failing = choose([...run.open], failAt);
      const error = new Error(`${failing} failed`);
      const atWork = [...run.open].filter((id) => id !== failing);
      // Some handlers look at their signal before the failure, the others only then.
      const early = atWork.filter((_, place) => place % 2 === 0).map((id) => run.contexts.get(id)?.signal);
      expect(early.map((signal) => signal?.aborted)).toEqual(early.map(() => false));

      await run.fail(failing, error);

      const signals = atWork.map((id) => run.contexts.get(id)?.signal);
      for (const signal of [...early, ...signals]) {
        expect(signal?.aborted).toBe(true);
        expect(signal?.reason).toBe(error);
      }
      await run.finish();
    }),
    cases,
  ));

test("Property: millrace-engine, Property 24: unstarted tasks become SKIPPED", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, fc.nat(19), async (graph, picks, failAt) => {
      const run = await startGated(graph);
      for (const pick of picks.slice(0, Math.min(failAt, graph.tasks.length - 1))) {
        await run.succeed(choose([...run.open], pick));
      }
      const started = [...run.started];

      await run.fail(choose([...run.open], failAt), new Error("enough"));
      const { reports } = await run.finish();

      const skipped = [...reports.values()].filter(({ status }) => status === "SKIPPED").map(({ taskId }) => taskId);
      expect(run.started).toEqual(started);
      expect(sorted(skipped)).toEqual(sorted(idsOf(graph).filter((id) => !started.includes(id))));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 25: success false, error in that task's report", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, fc.nat(19), async (graph, picks, failAt) => {
      const run = await startGated(graph);
      for (const pick of picks.slice(0, Math.min(failAt, graph.tasks.length - 1))) {
        await run.succeed(choose([...run.open], pick));
      }
      const failing = choose([...run.open], failAt);
      const thrown = new Error(`${failing} failed`);

      await run.fail(failing, thrown);
      const { success, error, reports } = await run.finish();

      expect(success).toBe(false);
      expect(error).toBe(thrown);
      expect(reports.get(failing)?.error).toBe(thrown);
      const others = [...reports.values()].filter(({ status, taskId }) => status !== "SKIPPED" && taskId !== failing);
      expect(others.map((report) => report.error)).toEqual(others.map(() => null));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 53: a failure in one part leaves the others completed or SKIPPED", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryParts,
      fc.nat(999),
      arbitraryPaces,
      fc.constantFrom("fail-fast" as const, "continue" as const),
      async (graph, pick, paces, errorStrategy) => {
        const failing = choose(idsOf(graph), pick);
        const log: LogEntry[] = [];
        const engine = engineWith(
          graph.tasks.map((task, place) =>
            scriptedTask(task, { pace: choose(paces, place), end: task.id === failing ? "failure" : "success" }, log),
          ),
          { errorStrategy },
        );

        const { reports, success } = await engine.execute();

        expect(success).toBe(false);
        for (const part of graph.parts.filter((ids) => !ids.includes(failing))) {
          const statuses = part.map((id) => reports.get(id)?.status);
          const allowed: readonly unknown[] = errorStrategy === "continue" ? ["SUCCESS"] : ["SUCCESS", "SKIPPED"];
          expect(statuses.filter((status) => !allowed.includes(status))).toEqual([]);
          const ended = new Set(log.filter(({ what }) => what === "end").map(({ taskId }) => taskId));
          expect(sorted(part.filter((id) => reports.get(id)?.status === "SUCCESS"))).toEqual(
            sorted(part.filter((id) => ended.has(id))),
          );
        }
      },
    ),
    cases,
  ));

test("Property: millrace-engine: no task starts after the abort", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, async (graph, scripts) => {
      const log: LogEntry[] = [];
      let startsBeforeAbort: number | null = null;
      const countStarts = (): number => log.filter(({ what }) => what === "start").length;
      const engine = engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, choose(scripts, place), log)),
        {
          observer: (event) => {
            if (event.kind === "task_ended" && event.report.status === "FAILED") startsBeforeAbort ??= countStarts();
          },
        },
      );

      const { reports } = await engine.execute();

      const hasFailed = [...reports.values()].some(({ status }) => status === "FAILED");
      expect(startsBeforeAbort).toBe(hasFailed ? countStarts() : null);
    }),
    cases,
  ));

test("Property: millrace-engine: running tasks see the abort", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, fc.nat(19), async (graph, picks, failAt) => {
      const run = await startGated(graph);
      for (const pick of picks.slice(0, Math.min(failAt, graph.tasks.length - 1))) {
        await run.succeed(choose([...run.open], pick));
      }
      const failing = choose([...run.open], failAt);
      const seen: string[] = [];
      for (const id of run.open) {
        run.contexts.get(id)?.signal.addEventListener("abort", () => seen.push(id));
      }

      await run.fail(failing, new Error("enough"));

      expect(sorted(seen.filter((id) => id !== failing))).toEqual(sorted(run.open));
      await run.finish();
    }),
    cases,
  ));
