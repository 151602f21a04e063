import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskContext } from "../task-definition.ts";
import { startGated } from "./gated-run.testsuite.ts";
import { childrenOf, choose, descendantsOf, idsOf, rootsOf, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryParts, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import { arbitraryPaces, engineWith, type LogEntry, scriptedTask } from "./scripted-task.testsuite.ts";

test("Property: millrace-engine, Property 11: execution ids are unique", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.integer({ min: 2, max: 6 }), async (graph, count) => {
      const engine = engineWith(graph.tasks.map((task) => ({ ...task, handler: () => setImmediate() })));
      const other = engineWith([{ id: "a", handler: () => undefined }]);

      const results = await Promise.all([
        ...Array.from({ length: count }, () => engine.execute()),
        ...Array.from({ length: count }, () => other.execute()),
      ]);
      const later = await engine.execute();

      const ids = [...results, later].map(({ executionId }) => executionId);
      expect(new Set(ids).size).toBe(2 * count + 1);
      expect(ids.filter((id) => id.length === 0)).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 12: store starts empty", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, async (graph) => {
      const seen = new Set<string>();
      const found: unknown[] = [];
      const look = ({ taskId, executionId, store }: TaskContext): string => {
        if (!seen.has(executionId)) found.push(...store.entries(), ...idsOf(graph).filter((id) => store.has(id)));
        seen.add(executionId);
        return taskId;
      };
      const engine = engineWith(graph.tasks.map((task) => ({ ...task, handler: look })));

      await engine.execute();
      await Promise.all([engine.execute(), engine.execute()]);

      expect(seen.size).toBe(3);
      expect(found).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 13: pending counts = in-degrees", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, async (graph, [taskPick = 0, heldPick = 0]) => {
      const withParents = graph.tasks.filter(({ dependsOn }) => dependsOn.length > 0);
      fc.pre(withParents.length > 0);
      const held = choose(choose(withParents, taskPick).dependsOn, heldPick);
      const heldBack = descendantsOf(graph, held);
      const run = await startGated(graph);

      while (!run.started.includes(held)) await run.succeed(choose([...run.open], 0));
      for (const id of run.open) if (id !== held) await run.succeed(id);

      expect(sorted(run.started)).toEqual(sorted(idsOf(graph).filter((id) => !heldBack.includes(id))));
      await run.finish();
      expect(sorted(run.started)).toEqual(sorted(idsOf(graph)));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 14: in-degree zero is scheduled first", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, async (graph) => {
      const run = await startGated(graph);

      expect(sorted(run.started)).toEqual(sorted(rootsOf(graph)));
      await run.finish();
    }),
    cases,
  ));

test("Property: millrace-engine, Property 15: disconnected parts all finish", () =>
  fc.assert(
    fc.asyncProperty(arbitraryParts, arbitraryPaces, async (graph, paces) => {
      const log: LogEntry[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, { pace: choose(paces, place), end: "success" }, log)),
      );

      const { success, reports } = await engine.execute();

      expect(success).toBe(true);
      const ended = new Set(log.filter(({ what }) => what === "end").map(({ taskId }) => taskId));
      for (const part of graph.parts) {
        expect(part.map((id) => reports.get(id)?.status)).toEqual(part.map(() => "SUCCESS"));
        expect(part.filter((id) => !ended.has(id))).toEqual([]);
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 17: ready tasks run concurrently", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, async (graph, picks) => {
      const run = await startGated(graph);
      const ended = new Set<string>();

      for (const pick of picks.slice(0, graph.tasks.length)) {
        const ready = graph.tasks.filter(
          ({ id, dependsOn }) => !ended.has(id) && dependsOn.every((parent) => ended.has(parent)),
        );
        expect(sorted(run.open)).toEqual(sorted(ready.map(({ id }) => id)));
        const next = choose([...run.open], pick);
        ended.add(next);
        await run.succeed(next);
      }

      expect((await run.finish()).success).toBe(true);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 18: success lowers each dependent's count by one", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, async (graph, picks) => {
      const counts = new Map(graph.tasks.map(({ id, dependsOn }) => [id, dependsOn.length]));
      const run = await startGated(graph);

      for (const pick of picks.slice(0, graph.tasks.length)) {
        const ended = choose([...run.open], pick);
        const before = run.started.length;
        await run.succeed(ended);
        for (const child of childrenOf(graph, ended)) counts.set(child, (counts.get(child) ?? 0) - 1);
        const due = childrenOf(graph, ended).filter((child) => counts.get(child) === 0);
        expect(sorted(run.started.slice(before))).toEqual(sorted(due));
      }

      expect(run.hasReturned()).toBe(true);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 19: pending zero schedules a task", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const log: LogEntry[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, { pace: choose(paces, place), end: "success" }, log)),
      );

      await engine.execute();

      const placeOf = (taskId: string, what: LogEntry["what"]): number =>
        log.findIndex((entry) => entry.taskId === taskId && entry.what === what);
      expect(log).toHaveLength(2 * graph.tasks.length);
      for (const { id, dependsOn } of graph.tasks) {
        expect(placeOf(id, "start")).toBeGreaterThanOrEqual(0);
        const early = dependsOn.filter((parent) => placeOf(parent, "end") > placeOf(id, "start"));
        expect(early, `dependencies of ${id} that had not ended`).toEqual([]);
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 20: ready tasks run apart, no artificial limit", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.nat(999), async (graph, pick) => {
      const stuck = choose(idsOf(graph), pick);
      const behind = descendantsOf(graph, stuck);
      const run = await startGated(graph);

      for (const id of run.open) if (id !== stuck) await run.succeed(id);

      expect([...run.open]).toEqual([stuck]);
      expect(sorted(run.started)).toEqual(sorted(idsOf(graph).filter((id) => !behind.includes(id))));
      expect(run.hasReturned()).toBe(false);
      await run.finish();
    }),
    cases,
  ));

test("Property: millrace-engine, Property 21: execute returns only when all are terminal", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      arbitraryPicks,
      fc.constantFrom("fail-fast" as const, "continue" as const),
      async (graph, picks, errorStrategy) => {
        const run = await startGated(graph, { errorStrategy });

        for (let step = 0; run.open.size > 0; step += 1) {
          expect(run.hasReturned()).toBe(false);
          const ended = choose([...run.open], choose(picks, step));
          if (choose(picks, step) % 5 === 0) await run.fail(ended, new Error(`${ended} failed`));
          else await run.succeed(ended);
        }

        expect(run.hasReturned()).toBe(true);
        const { reports } = await run.finish();
        expect([...reports.values()].filter(({ status }) => status === "PENDING")).toEqual([]);
      },
    ),
    cases,
  ));
