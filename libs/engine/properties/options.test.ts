import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore } from "../data-store.ts";
import { Engine } from "../engine.ts";
import type { DataStore, EngineOptions } from "../engine-api.ts";
import type { EngineEvent } from "../engine-event.ts";
import type { TaskContext, TaskDefinition } from "../task-definition.ts";
import { untilAborted } from "./gated-run.testsuite.ts";
import { idsOf, rootsOf } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, cases } from "./random-graph.testsuite.ts";
import { type LogLine, recordingLogger } from "./recording-logger.testsuite.ts";
import { engineWith } from "./scripted-task.testsuite.ts";

const arbitraryChoices = fc.record({
  errorStrategy: fc.constantFrom(null, "fail-fast" as const, "continue" as const),
  concurrency: fc.constantFrom(null, 1, 2, 3, 5, Number.POSITIVE_INFINITY),
  timeout: fc.constantFrom(null, "globalTimeoutMs" as const, "defaultTaskTimeoutMs" as const),
  hasLogger: fc.boolean(),
  hasObserver: fc.boolean(),
  hasStore: fc.boolean(),
});

/** A failure beside a task that only `continue` lets start, and under a timeout a task that only it ends. */
function probes(timeout: string | null): readonly TaskDefinition[] {
  if (timeout !== null) {
    const wait = ({ logger, signal }: TaskContext): Promise<void> => {
      logger.info("at work");
      return untilAborted(signal);
    };
    return [{ id: "probe stuck", handler: wait }];
  }
  const fail = async ({ logger }: TaskContext): Promise<void> => {
    logger.info("at work");
    await setImmediate();
    throw new Error("probe");
  };
  return [
    { id: "probe failing", handler: fail },
    { id: "probe after", dependsOn: [{ task: "probe failing", on: "completion" }], handler: () => undefined },
  ];
}

test("Property: millrace-engine, Property 1: options are applied", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryChoices, async (graph, choices) => {
      const { errorStrategy, concurrency, timeout, hasLogger, hasObserver, hasStore } = choices;
      const lines: LogLine[] = [];
      const events: EngineEvent[] = [];
      const stores = new Map<string, DataStore>();
      const options: EngineOptions = {
        ...(errorStrategy === null ? {} : { errorStrategy }),
        ...(concurrency === null ? {} : { concurrency }),
        ...(timeout === null ? {} : { [timeout]: 5 }),
        ...(hasLogger ? { logger: recordingLogger(lines) } : {}),
        ...(hasObserver ? { observer: (event: EngineEvent) => events.push(event) } : {}),
        ...(hasStore
          ? {
              createStore: (executionId: string) => {
                const store = createMemoryStore();
                stores.set(executionId, store);
                return store;
              },
            }
          : {}),
      };
      const atWork = { now: 0, most: 0 };
      const work = async ({ logger, taskId }: TaskContext): Promise<string> => {
        atWork.now += 1;
        atWork.most = Math.max(atWork.most, atWork.now);
        logger.info("at work");
        await setImmediate();
        atWork.now -= 1;
        return taskId;
      };
      const tasks = [...probes(timeout), ...graph.tasks.map((task) => ({ ...task, handler: work }))];

      const { executionId, reports, store } = await engineWith(tasks, options).execute();

      const limit = concurrency ?? Number.POSITIVE_INFINITY;
      // On a slow machine a timeout may pass before anything has started, or end a task whose handler is still at work.
      if (timeout === null) {
        expect(atWork.most).toBeLessThanOrEqual(limit);
        expect(atWork.most).toBeGreaterThanOrEqual(Math.min(limit - 1, rootsOf(graph).length));
        expect(lines.some(({ message }) => message === "at work")).toBe(hasLogger);
      }
      const after = errorStrategy === "continue" ? "SUCCESS" : "SKIPPED";
      expect(reports.get("probe after")?.status).toBe(timeout === null ? after : undefined);
      const stuck = reports.get("probe stuck");
      const ofStuck = stuck?.startTime === null ? "SKIPPED" : "FAILED";
      expect(stuck?.status).toBe(timeout === null ? undefined : ofStuck);
      expect(timeout === "defaultTaskTimeoutMs" && ofStuck === "SKIPPED").toBe(false);
      const ends = events.filter(({ kind }) => kind === "task_ended");
      expect(ends).toHaveLength(hasObserver ? tasks.length : 0);
      expect([...stores.keys()]).toEqual(hasStore ? [executionId] : []);
      const kept = stores.get(executionId) ?? store;
      const succeeded = idsOf(graph).filter((id) => reports.get(id)?.status === "SUCCESS");
      expect(succeeded.map((id) => kept.get(id))).toEqual(succeeded);
    }),
    cases,
  ));

test("Property: millrace-engine: an option that makes no sense is refused by its name", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("globalTimeoutMs", "defaultTaskTimeoutMs", "concurrency", "errorStrategy"),
      fc.constantFrom<unknown>(0, -1, -0.5, Number.NaN, Number.NEGATIVE_INFINITY, "5", null),
      (name, value) => {
        expect(() => new Engine({ [name]: value })).toThrow(name);
      },
    ),
    { ...cases, numRuns: 500 },
  );
});
