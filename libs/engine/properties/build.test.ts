import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskDefinition } from "../task-definition.ts";
import { EngineError } from "../engine-error.ts";
import { startGated } from "./gated-run.testsuite.ts";
import { childrenOf, choose, descendantsOf, idsOf, type RandomGraph, sorted } from "./graph-relations.testsuite.ts";
import {
  arbitraryCyclicGraph,
  arbitraryGraph,
  arbitraryGraphWithGaps,
  arbitraryPicks,
  cases,
} from "./random-graph.testsuite.ts";
import { arbitraryPaces, engineWith, type LogEntry, scriptedTask } from "./scripted-task.testsuite.ts";

function idleTasks(graph: RandomGraph): readonly TaskDefinition[] {
  return graph.tasks.map((task) => ({ ...task, handler: () => undefined }));
}

/** The edges that a DOT text draws, as pairs of ids. */
function edgesOfDot(dot: string): readonly (readonly [from: string, to: string])[] {
  const id = String.raw`"((?:[^"\\]|\\.)*)"`;
  const read = (text = ""): string => text.replace(/\\(.)/gs, (_, sign: string) => (sign === "n" ? "\n" : sign));
  return [...dot.matchAll(new RegExp(`${id} -> ${id}`, "gs"))].map(([, from, to]) => [read(from), read(to)]);
}

/** The edges that a Mermaid text draws. Its nodes are named `t0`, `t1` … in the order of registration. */
function edgesOfMermaid(mermaid: string, ids: readonly string[]): readonly (readonly [from: string, to: string])[] {
  return [...mermaid.matchAll(/^ *t(\d+) --> t(\d+)$/gm)].map(([, from, to]) => [
    choose(ids, Number(from)),
    choose(ids, Number(to)),
  ]);
}

/** More cycles than this are counted, not listed. */
const mostListed = 100;

/** The paths of the cycles that an error lists, each with its first task again at the end. */
function cyclesIn(error: Error): readonly (readonly string[])[] {
  if (!(error instanceof EngineError)) throw error;
  return error.problems.map(({ message }) => (/: "(.*)"; remove/s.exec(message)?.[1] ?? "").split('" → "'));
}

/** What an act throws; fails the test when it throws nothing. */
function thrownBy(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

test("Property: millrace-engine, Property 2: register stores a task", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, async (graph, paces) => {
      const log: LogEntry[] = [];
      const engine = engineWith(
        graph.tasks.map((task, place) => scriptedTask(task, { pace: choose(paces, place), end: "success" }, log)),
      );

      const { reports } = await engine.execute();

      expect([...reports.keys()]).toEqual(idsOf(graph));
      expect(sorted(log.filter(({ what }) => what === "start").map(({ taskId }) => taskId))).toEqual(
        sorted(idsOf(graph)),
      );
    }),
    cases,
  ));

test("Property: millrace-engine, Property 3: duplicate id refused, first kept", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.nat(999), fc.nat(999), async (graph, pick, otherPick) => {
      const id = choose(idsOf(graph), pick);
      const engine = engineWith(graph.tasks.map((task) => ({ ...task, handler: () => "first" })));

      const error = thrownBy(() =>
        engine.register({ id, dependsOn: [choose(idsOf(graph), otherPick)], handler: () => "second" }),
      );

      expect(error.message).toContain(id);
      const { reports, store } = await engine.execute();
      expect([...reports.keys()]).toEqual(idsOf(graph));
      expect(store.get(id)).toBe("first");
    }),
    cases,
  ));

test("Property: millrace-engine, Property 4: empty id refused", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.nat(999), async (graph, pick) => {
      const place = pick % (graph.tasks.length + 1);
      const engine = engineWith(idleTasks(graph).slice(0, place));

      thrownBy(() => engine.register({ id: "", handler: () => undefined }));

      for (const task of idleTasks(graph).slice(place)) engine.register(task);
      const { reports } = await engine.execute();
      expect([...reports.keys()]).toEqual(idsOf(graph));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 5: missing handler refused", () =>
  fc.assert(
    fc.asyncProperty(
      arbitraryGraph,
      fc.nat(999),
      fc.constantFrom<unknown>(undefined, null, "run", 7, {}, Promise.resolve()),
      async (graph, pick, handler) => {
        const place = pick % graph.tasks.length;
        const engine = engineWith(idleTasks(graph).slice(0, place));
        const task = choose(graph.tasks, place);

        const error = thrownBy(() => engine.register({ ...task, handler } as TaskDefinition));

        expect(error.message).toContain(task.id);
        for (const other of idleTasks(graph).slice(place)) engine.register(other);
        const { reports } = await engine.execute();
        expect([...reports.keys()]).toEqual(idsOf(graph));
      },
    ),
    cases,
  ));

test("Property: millrace-engine, Property 6: adjacency = dependencies", () =>
  fc.assert(
    fc.property(arbitraryGraph, (graph) => {
      const engine = engineWith(idleTasks(graph)).build();

      const expected = graph.tasks.flatMap(({ id, dependsOn }) => dependsOn.map((parent) => [parent, id]));
      const asTexts = (edges: readonly (readonly string[])[]): readonly string[] =>
        sorted(edges.map((edge) => JSON.stringify(edge)));
      expect(asTexts(edgesOfDot(engine.toDot()))).toEqual(asTexts(expected));
      expect(asTexts(edgesOfMermaid(engine.toMermaid(), idsOf(graph)))).toEqual(asTexts(expected));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 7: in-degree = number of dependencies", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPicks, async (graph, picks) => {
      const ended: string[] = [];
      const run = await startGated(graph);
      const endedBefore = new Map(run.started.map((id) => [id, 0]));

      for (const pick of picks.slice(0, graph.tasks.length)) {
        const next = choose([...run.open], pick);
        const before = run.started.length;
        ended.push(next);
        await run.succeed(next);
        for (const id of run.started.slice(before)) {
          const parents = graph.tasks.find((task) => task.id === id)?.dependsOn ?? [];
          endedBefore.set(id, parents.filter((parent) => ended.includes(parent)).length);
          expect(parents, `${id} started by an end that is not its last dependency's`).toContain(next);
        }
      }

      expect(graph.tasks.map(({ id }) => endedBefore.get(id))).toEqual(
        graph.tasks.map(({ dependsOn }) => dependsOn.length),
      );
    }),
    cases,
  ));

test("Property: millrace-engine, Property 8: cycles are found", () =>
  fc.assert(
    fc.asyncProperty(arbitraryCyclicGraph, async (graph) => {
      const called: string[] = [];
      const engine = engineWith(graph.tasks.map((task) => ({ ...task, handler: () => called.push(task.id) })));

      const error = thrownBy(() => engine.build());

      const listed = cyclesIn(error);
      for (const cycle of listed) {
        const edges = cycle.slice(1).map((id, place) => ({ id, parent: cycle.at(place) ?? "" }));
        const invented = edges.filter(({ id, parent }) => !childrenOf(graph, parent).includes(id));
        expect(cycle.at(-1)).toBe(cycle[0]);
        expect(invented).toEqual([]);
      }
      const onCycles = idsOf(graph).filter((id) => descendantsOf(graph, id).includes(id));
      if (listed.length < mostListed) expect(sorted(new Set(listed.flat()))).toEqual(sorted(onCycles));
      else expect(onCycles).toEqual(expect.arrayContaining(listed.flat()));
      await expect(engine.execute()).rejects.toThrow(error.message);
      expect(called).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 9: missing dependencies are found", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraphWithGaps, async (graph) => {
      const engine = engineWith(idleTasks(graph));

      const error = thrownBy(() => engine.build());

      for (const { task, name } of graph.missing) {
        expect(error.message).toContain(task);
        expect(error.message).toContain(name);
      }
      for (const { name } of graph.missing) engine.register({ id: name, handler: () => undefined });
      expect((await engine.execute()).success).toBe(true);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 10: valid graphs pass", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, async (graph) => {
      const engine = engineWith(idleTasks(graph));

      expect(engine.build()).toBe(engine);
      expect(engine.build()).toBe(engine);

      expect((await engine.execute()).success).toBe(true);
    }),
    cases,
  ));
