import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore } from "../data-store.ts";
import { childrenOf, choose, idsOf, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import {
  afterPace,
  arbitraryPaces,
  arbitraryScripts,
  engineWith,
  type LogEntry,
  scriptedTask,
} from "./scripted-task.testsuite.ts";

test("Property: millrace-engine: what a given store has is not called again, and its dependents read it", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryPicks, async (graph, paces, picks) => {
      const known = new Set(idsOf(graph).filter((_, place) => choose(picks, place) % 2 === 0));
      const store = createMemoryStore(Array.from(known, (id) => [id, `kept ${id}`]));
      const called: string[] = [];
      const read: unknown[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          handler: (context) => {
            called.push(task.id);
            read.push(...task.dependsOn.map((parent) => context.getResult(parent)));
            return afterPace(choose(paces, place), () => `made ${task.id}`);
          },
        })),
      );

      const { success, reports } = await engine.execute({ store });

      const missing = graph.tasks.filter(({ id }) => !known.has(id));
      const textOf = (id: string): string => `${known.has(id) ? "kept" : "made"} ${id}`;
      expect(success).toBe(true);
      expect(sorted(called)).toEqual(sorted(missing.map(({ id }) => id)));
      expect(sorted(read.map(String))).toEqual(sorted(missing.flatMap(({ dependsOn }) => dependsOn.map(textOf))));
      expect([...reports.values()].map(({ status }) => status)).toEqual(graph.tasks.map(() => "SUCCESS"));
      expect(idsOf(graph).map((id) => store.get(id))).toEqual(idsOf(graph).map(textOf));
    }),
    cases,
  ));

test("Property: millrace-engine: executing again with the store of a failed execution calls only what has not succeeded", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryScripts, async (graph, scripts) => {
      const first: LogEntry[] = [];
      const again: LogEntry[] = [];
      const store = createMemoryStore();
      const broken = await engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, choose(scripts, place), first)),
      ).execute({ store });
      const succeeded = new Set(idsOf(graph).filter((id) => broken.reports.get(id)?.status === "SUCCESS"));

      const { success } = await engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, { ...choose(scripts, place), end: "success" }, again)),
      ).execute({ store });

      const called = again.filter(({ what }) => what === "start").map(({ taskId }) => taskId);
      expect(success).toBe(true);
      expect(sorted(called)).toEqual(sorted(idsOf(graph).filter((id) => !succeeded.has(id))));
    }),
    cases,
  ));

test("Property: millrace-engine: a graph that its first task adds runs in the same order as a registered one", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const log: LogEntry[] = [];
      const engine = engineWith([
        {
          id: "adds the others",
          handler: (context) => {
            for (const task of parentsFirst(graph.tasks)) {
              const place = graph.tasks.indexOf(task);
              context.register(scriptedTask(task, { pace: choose(paces, place), end: "success" }, log));
            }
          },
        },
      ]);

      const { success, reports } = await engine.execute();

      const placeOf = (taskId: string, what: LogEntry["what"]): number =>
        log.findIndex((entry) => entry.taskId === taskId && entry.what === what);
      expect(success).toBe(true);
      expect(sorted(reports.keys())).toEqual(sorted(["adds the others", ...idsOf(graph)]));
      for (const id of idsOf(graph)) {
        const early = childrenOf(graph, id).filter((child) => placeOf(child, "start") < placeOf(id, "end"));
        expect(early, `dependents of ${id} that started before its end`).toEqual([]);
      }
      const again = await engine.execute();
      expect(sorted(again.reports.keys())).toEqual(sorted(reports.keys()));
    }),
    cases,
  ));

/** The tasks in an order in which each comes after those that it depends on. */
function parentsFirst<T extends { readonly id: string; readonly dependsOn: readonly string[] }>(
  tasks: readonly T[],
): readonly T[] {
  const ordered = new Map<string, T>();
  while (ordered.size < tasks.length) {
    for (const task of tasks) {
      if (task.dependsOn.every((parent) => ordered.has(parent))) ordered.set(task.id, task);
    }
  }
  return [...ordered.values()];
}
