import fc from "fast-check";
import { expect, test } from "vitest";
import type { EngineOptions } from "../engine-api.ts";
import type { ExecutionResult } from "../execution-report.ts";
import type { TaskContext } from "../task-definition.ts";
import { startGated } from "./gated-run.testsuite.ts";
import { choose, idsOf, type RandomGraph, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import { type LogLine, recordingLogger } from "./recording-logger.testsuite.ts";
import { afterPace, arbitraryPaces, engineWith, type Pace } from "./scripted-task.testsuite.ts";

/** A result for each possible task, of any type. */
const arbitraryValues: fc.Arbitrary<readonly unknown[]> = fc.array(
  fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
    fc.constantFrom<unknown>(undefined, null, Number.NaN, -0, () => 7, Symbol("sign")),
  ),
  { minLength: 20, maxLength: 20 },
);

/** Executes the graph; every task does the same when its pace has passed. */
async function executeWith(
  graph: RandomGraph,
  paces: readonly Pace[],
  handler: (context: TaskContext, place: number) => unknown,
  options: EngineOptions = {},
): Promise<ExecutionResult> {
  const engine = engineWith(
    graph.tasks.map((task, place) => ({
      ...task,
      handler: (context) => afterPace(choose(paces, place), () => handler(context, place)),
    })),
    options,
  );
  const result = await engine.execute();
  expect(result.error).toBe(null);
  return result;
}

function parentsOf(graph: RandomGraph, taskId: string): readonly string[] {
  return graph.tasks.find(({ id }) => id === taskId)?.dependsOn ?? [];
}

test("Property: millrace-engine, Property 26: context has the store", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryValues, async (graph, paces, values) => {
      const wrong: string[] = [];

      await executeWith(graph, paces, (context, place) => {
        for (const parent of parentsOf(graph, context.taskId)) {
          const value = choose(values, idsOf(graph).indexOf(parent));
          if (!context.store.has(parent) || !Object.is(context.store.get(parent), value)) wrong.push(parent);
        }
        context.setResult(choose(values, place));
      });

      expect(wrong).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 27: setResult stores under the own id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryValues, async (graph, paces, values) => {
      const unread: string[] = [];

      const { store } = await executeWith(graph, paces, (context, place) => {
        const value = choose(values, place);
        context.setResult(value);
        if (!context.hasResult(context.taskId) || !Object.is(context.getResult(context.taskId), value)) {
          unread.push(context.taskId);
        }
      });

      expect(unread).toEqual([]);
      expect(sorted([...store.entries()].map(([id]) => id))).toEqual(sorted(idsOf(graph)));
      const wrong = idsOf(graph).filter((id, place) => !Object.is(store.get(id), choose(values, place)));
      expect(wrong).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 28: store is safe under concurrent use", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryPicks, async (graph, paces, picks) => {
      const fails = (place: number): boolean => choose(picks, place) % 4 === 0;
      const wrong: unknown[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          triggerRule: "all_done",
          handler: (context) => {
            context.setResult("an early value, which nobody else may see");
            return afterPace(choose(paces, place), () => {
              const others = idsOf(graph).filter((id) => id !== task.id && context.store.has(id));
              wrong.push(...others.filter((id) => context.store.get(id) !== context.executionId));
              context.setResult(context.executionId);
              if (fails(place)) throw new Error("dropped with its result");
            });
          },
        })),
        { errorStrategy: "continue" },
      );

      const results = await Promise.all([engine.execute(), engine.execute(), engine.execute()]);

      expect(wrong).toEqual([]);
      const kept = idsOf(graph).filter((_, place) => !fails(place));
      for (const { executionId, store } of results) {
        expect(sorted([...store.entries()].map(([id]) => id))).toEqual(sorted(kept));
        expect(kept.map((id) => store.get(id))).toEqual(kept.map(() => executionId));
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 29: each task gets its own context", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, fc.nat(2), async (graph, paces, failures) => {
      const contexts: TaskContext[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          retry: { maxRetries: failures },
          handler: (context) => {
            contexts.push(context);
            return afterPace(choose(paces, place), () => {
              if (context.tryNumber <= failures) throw new Error("try again");
            });
          },
        })),
      );

      await Promise.all([engine.execute(), engine.execute()]);

      expect(contexts).toHaveLength(2 * (failures + 1) * graph.tasks.length);
      expect(new Set(contexts).size).toBe(contexts.length);
      const keys = contexts.map(({ executionId, taskId, tryNumber }) =>
        JSON.stringify([executionId, taskId, tryNumber]),
      );
      expect(new Set(keys).size).toBe(contexts.length);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 30: context inherits the execution's cancellation", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, fc.nat(19), async (graph, picks, cancelAt) => {
      const stop = new AbortController();
      const run = await startGated(graph, { signal: stop.signal });
      for (const pick of picks.slice(0, Math.min(cancelAt, graph.tasks.length - 1))) {
        await run.succeed(choose([...run.open], pick));
      }
      const atWork = [...run.open].map((id) => run.contexts.get(id)?.signal);
      expect(atWork.map((signal) => signal?.aborted)).toEqual(atWork.map(() => false));
      const reason = new Error("stopped from outside");

      stop.abort(reason);

      expect(atWork.map((signal) => signal?.aborted)).toEqual(atWork.map(() => true));
      expect(atWork.map((signal): unknown => signal?.reason)).toEqual(atWork.map(() => reason));
      const { success, error, reports } = await run.finish();
      expect(success).toBe([...reports.values()].every(({ status }) => status === "SUCCESS"));
      expect(error).toBe(success ? null : reason);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 32: context has the right task id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const seen: [expected: string, found: string][] = [];

      await executeWith(graph, paces, (context, place) => seen.push([choose(idsOf(graph), place), context.taskId]));

      expect(seen).toHaveLength(graph.tasks.length);
      expect(seen.filter(([expected, found]) => expected !== found)).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 33: context logger carries task and execution id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const lines: LogLine[] = [];

      const { executionId } = await executeWith(
        graph,
        paces,
        ({ logger, taskId }) => {
          logger.info("plain", { line: taskId });
          logger.with({ part: "deep" }).error("derived", { line: taskId });
        },
        { logger: recordingLogger(lines) },
      );

      const own = lines.filter(({ fields }) => fields["line"] !== undefined);
      expect(own).toHaveLength(2 * graph.tasks.length);
      for (const { level, message, fields } of own) {
        const isDerived = message === "derived";
        expect(level).toBe(isDerived ? "error" : "info");
        expect(fields).toEqual({
          executionId,
          taskId: fields["line"],
          line: fields["line"],
          ...(isDerived ? { part: "deep" } : {}),
        });
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 34: context has the execution id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const seen: string[] = [];

      const { executionId } = await executeWith(graph, paces, (context) => seen.push(context.executionId));

      expect(seen).toEqual(graph.tasks.map(() => executionId));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 35: start time ≤ handler start", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const before = Date.now();
      const wrong: unknown[] = [];

      const { startTime } = await executeWith(graph, paces, (context) => {
        const now = Date.now();
        if (!(context.startTime >= before && context.startTime <= now)) wrong.push([before, context.startTime, now]);
      });

      expect(wrong).toEqual([]);
      expect(startTime).toBeGreaterThanOrEqual(before);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 52: log lines carry task and execution id", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, fc.integer({ min: 2, max: 3 }), async (graph, paces, count) => {
      const lines: LogLine[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          handler: ({ logger, executionId }) => {
            logger.info("before", { of: [executionId, task.id] });
            return afterPace(choose(paces, place), () => logger.info("after", { of: [executionId, task.id] }));
          },
        })),
        { logger: recordingLogger(lines) },
      );

      await Promise.all(Array.from({ length: count }, () => engine.execute()));

      const own = lines.filter(({ fields }) => fields["of"] !== undefined);
      expect(own).toHaveLength(2 * count * graph.tasks.length);
      expect(own.map(({ fields }) => [fields["executionId"], fields["taskId"]])).toEqual(
        own.map(({ fields }) => fields["of"]),
      );
    }),
    cases,
  ));

test("Property: millrace-engine: results are readable by dependents", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryValues, async (graph, paces, values) => {
      const wrong: string[] = [];

      const result = await executeWith(graph, paces, (context, place) => {
        for (const parent of parentsOf(graph, context.taskId)) {
          const value = choose(values, idsOf(graph).indexOf(parent));
          if (!Object.is(context.getResult(parent), value) || !context.hasResult(parent)) wrong.push(parent);
        }
        context.setResult(choose(values, place));
      });

      expect(wrong).toEqual([]);
      const lost = idsOf(graph).filter((id, place) => !Object.is(result.getResult(id), choose(values, place)));
      expect(lost).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine: an absent result is told from an undefined one", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryPicks, async (graph, paces, picks) => {
      const isSet = (id: string): boolean => choose(picks, idsOf(graph).indexOf(id)) % 2 === 0;
      const wrong: string[] = [];

      const result = await executeWith(graph, paces, (context) => {
        for (const parent of parentsOf(graph, context.taskId)) {
          if (context.hasResult(parent) !== isSet(parent) || context.getResult(parent) !== undefined)
            wrong.push(parent);
        }
        if (isSet(context.taskId)) context.setResult(undefined);
      });

      expect(wrong).toEqual([]);
      expect(idsOf(graph).map((id) => result.hasResult(id))).toEqual(idsOf(graph).map(isSet));
      expect(idsOf(graph).map((id) => result.store.has(id))).toEqual(idsOf(graph).map(isSet));
    }),
    cases,
  ));
