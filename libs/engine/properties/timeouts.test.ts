import fc from "fast-check";
import { expect, test } from "vitest";
import { TimeoutError } from "#middleware/timeout-error.ts";
import type { TaskContext } from "../task-definition.ts";
import { untilAborted } from "./gated-run.testsuite.ts";
import { choose, descendantsOf, idsOf, rootsOf, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import { afterPace, arbitraryPaces, engineWith } from "./scripted-task.testsuite.ts";

/** Long enough for a slow machine to never reach it within a test. */
const longMs = 600_000;
const shortMs = fc.integer({ min: 1, max: 4 });

function isTimeout(error: unknown, scope: "task" | "execution"): boolean {
  return error instanceof TimeoutError && error.scope === scope;
}

test("Property: millrace-engine, Property 31: a task's timeout cancels its context", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      arbitraryPaces,
      arbitraryPicks,
      shortMs,
      async (graph, paces, picks, timeoutMs) => {
        const isStuck = (place: number): boolean => choose(picks, place) % 3 === 0;
        const aborted: string[] = [];
        const engine = engineWith(
          graph.tasks.map((task, place) => ({
            ...task,
            triggerRule: "all_done",
            ...(isStuck(place) ? { timeoutMs } : {}),
            handler: ({ taskId, signal }) => {
              signal.addEventListener("abort", () => aborted.push(taskId));
              return isStuck(place) ? untilAborted(signal) : afterPace(choose(paces, place), () => taskId);
            },
          })),
          { errorStrategy: "continue" },
        );

        const { reports } = await engine.execute();

        const stuck = idsOf(graph).filter((_, place) => isStuck(place));
        expect(sorted(aborted)).toEqual(sorted(stuck));
        const failed = [...reports.values()].filter(({ status }) => status === "FAILED");
        expect(sorted(failed.map(({ taskId }) => taskId))).toEqual(sorted(stuck));
      },
    ),
    cases,
  ));

test("Property: millrace-engine, Property 49: default timeout where the task has none", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, shortMs, async (graph, picks, defaultTaskTimeoutMs) => {
      const hasOwn = (id: string): boolean => choose(picks, idsOf(graph).indexOf(id)) % 2 === 0;
      const expiry = Promise.withResolvers<void>();
      const untilExpiry = async ({ taskId, signal }: TaskContext): Promise<void> => {
        await untilAborted(signal);
        if (taskId === "second probe") expiry.resolve();
      };
      // One after the other they take twice the default, which those with a timeout of their own outlive.
      const engine = engineWith(
        [
          { id: "probe", handler: untilExpiry },
          { id: "second probe", dependsOn: [{ task: "probe", on: "completion" }], handler: untilExpiry },
          ...graph.tasks.map((task) => ({
            ...task,
            ...(hasOwn(task.id) ? { timeoutMs: longMs } : {}),
            handler: ({ signal }: TaskContext) => (hasOwn(task.id) ? expiry.promise : untilAborted(signal)),
          })),
        ],
        { errorStrategy: "continue", defaultTaskTimeoutMs },
      );

      const { reports } = await engine.execute();

      const withDefault = idsOf(graph).filter((id) => !hasOwn(id));
      const behind = new Set(withDefault.flatMap((id) => descendantsOf(graph, id)));
      const expected = idsOf(graph).map((id) => (behind.has(id) ? "SKIPPED" : hasOwn(id) ? "SUCCESS" : "FAILED"));
      expect(idsOf(graph).map((id) => reports.get(id)?.status)).toEqual(expected);
      expect(isTimeout(reports.get("probe")?.error, "task")).toBe(true);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 50: expiry is a deadline error in the context", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, shortMs, fc.boolean(), async (graph, timeoutMs, isGlobal) => {
      const reasons = new Map<string, unknown>();
      const engine = engineWith(
        graph.tasks.map((task) => ({
          ...task,
          ...(isGlobal ? {} : { timeoutMs }),
          handler: ({ taskId, signal }) => {
            signal.addEventListener("abort", () => reasons.set(taskId, signal.reason));
            return untilAborted(signal);
          },
        })),
        { errorStrategy: "continue", ...(isGlobal ? { globalTimeoutMs: timeoutMs } : {}) },
      );

      const { reports } = await engine.execute();

      // The execution's timeout may pass, on a slow machine, before the last root has started.
      const started = rootsOf(graph).filter((id) => !isGlobal || reports.get(id)?.startTime !== null);
      expect(sorted(reasons.keys())).toEqual(sorted(started));
      for (const [id, reason] of reasons) {
        expect(isTimeout(reason, isGlobal ? "execution" : "task")).toBe(true);
        expect(reports.get(id)?.error).toBe(reason);
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 51: a timeout gives FAILED, with a timeout error", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, fc.nat(999), shortMs, async (graph, paces, pick, timeoutMs) => {
      const stuck = choose(idsOf(graph), pick);
      const ignoresItsSignal = (): Promise<never> => new Promise(() => undefined);
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          timeoutMs: task.id === stuck ? timeoutMs : longMs,
          handler: () => (task.id === stuck ? ignoresItsSignal() : afterPace(choose(paces, place), () => task.id)),
        })),
        { errorStrategy: "continue" },
      );

      const { success, reports } = await engine.execute();

      const report = reports.get(stuck);
      expect(success).toBe(false);
      expect(report?.status).toBe("FAILED");
      expect(isTimeout(report?.error, "task")).toBe(true);
      expect(String(report?.error)).toContain(stuck);
      const behind = descendantsOf(graph, stuck);
      const others = idsOf(graph).filter((id) => id !== stuck);
      expect(others.map((id) => reports.get(id)?.status)).toEqual(
        others.map((id) => (behind.includes(id) ? "SKIPPED" : "SUCCESS")),
      );
    }),
    cases,
  ));

test("Property: millrace-engine: the execution's timeout bounds every task, whatever its own is", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.nat(999), shortMs, async (graph, pick, globalTimeoutMs) => {
      const stuck = choose(idsOf(graph), pick);
      const engine = engineWith(
        graph.tasks.map((task) => ({
          ...task,
          timeoutMs: longMs,
          handler: () => (task.id === stuck ? new Promise(() => undefined) : undefined),
        })),
        { errorStrategy: "continue", globalTimeoutMs },
      );

      const { error, reports } = await engine.execute();

      const started = new Set(idsOf(graph).filter((id) => reports.get(id)?.startTime !== null));
      expect(isTimeout(error, "execution")).toBe(true);
      expect(descendantsOf(graph, stuck).filter((id) => started.has(id))).toEqual([]);
      expect(idsOf(graph).map((id) => reports.get(id)?.status)).toEqual(
        idsOf(graph).map((id) => (!started.has(id) ? "SKIPPED" : id === stuck ? "FAILED" : "SUCCESS")),
      );
    }),
    cases,
  ));
