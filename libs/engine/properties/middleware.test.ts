import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskMiddleware } from "../task-definition.ts";
import { choose, idsOf, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import { afterPace, arbitraryPaces, engineWith, type Pace } from "./scripted-task.testsuite.ts";

/** What the middlewares and the handler of one task did, in order. */
type Trace = Map<string, string[]>;

function note(trace: Trace, taskId: string, what: string): void {
  const lines = trace.get(taskId) ?? [];
  lines.push(what);
  trace.set(taskId, lines);
}

/** Notes when it is entered and left, and passes time before and after the rest of the chain. */
function noting(name: string, pace: Pace, trace: Trace): TaskMiddleware {
  return async (context) => {
    await afterPace(pace, () => note(trace, context.taskId, `> ${name}`));
    await context.next();
    await afterPace(pace, () => note(trace, context.taskId, `< ${name}`));
  };
}

/** How many global middlewares there are, and how many of its own the task at each place has. */
const arbitraryChains = fc.record({
  globals: fc.nat(4),
  own: fc.array(fc.nat(3), { minLength: 20, maxLength: 20 }),
});

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, place) => `${prefix}${place}`);

test("Property: millrace-engine, Property 36: global middleware runs for every task", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, fc.integer({ min: 1, max: 4 }), async (graph, paces, count) => {
      const calls = new Map<string, string[]>();
      const engine = engineWith(
        graph.tasks.map((task, place) => ({ ...task, handler: () => afterPace(choose(paces, place), () => task.id) })),
      ).use(
        ...names("g", count).map((name) => async (context: Parameters<TaskMiddleware>[0]) => {
          calls.set(name, [...(calls.get(name) ?? []), context.taskId]);
          await context.next();
        }),
      );

      const { success } = await engine.execute();

      expect(success).toBe(true);
      expect([...calls.keys()]).toEqual(names("g", count));
      for (const seen of calls.values()) expect(sorted(seen)).toEqual(sorted(idsOf(graph)));
    }),
    cases,
  ));

test("Property: millrace-engine, Property 37: task middleware runs only there", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryPicks, async (graph, paces, picks) => {
      const calls: [owner: string, calledFor: string][] = [];
      const owners = graph.tasks.filter((_, place) => choose(picks, place) % 2 === 0).map(({ id }) => id);
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          handler: () => afterPace(choose(paces, place), () => undefined),
          ...(owners.includes(task.id)
            ? {
                middlewares: [
                  (context) => {
                    calls.push([task.id, context.taskId]);
                    return context.next();
                  },
                ],
              }
            : {}),
        })),
      );

      await engine.execute();

      expect(sorted(calls.map(([owner]) => owner))).toEqual(sorted(owners));
      expect(calls.filter(([owner, calledFor]) => owner !== calledFor)).toEqual([]);
    }),
    cases,
  ));

test("Property: millrace-engine, Property 38: chain order global → task → handler", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryChains, async (graph, paces, { globals, own }) => {
      const trace: Trace = new Map();
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          middlewares: names("own", choose(own, place)).map((name) => noting(name, choose(paces, place), trace)),
          handler: () => note(trace, task.id, "handler"),
        })),
      ).use(...names("global", globals).map((name, place) => noting(name, choose(paces, place), trace)));

      await engine.execute();

      for (const [place, id] of idsOf(graph).entries()) {
        const entered = (trace.get(id) ?? []).filter((line) => !line.startsWith("<"));
        const chain = [...names("global", globals), ...names("own", choose(own, place))].map((name) => `> ${name}`);
        expect(entered).toEqual([...chain, "handler"]);
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 39: next() calls the next one", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryChains, arbitraryPicks, async (graph, { own }, picks) => {
      const trace: Trace = new Map();
      const stopsAt = (place: number): number => choose(picks, place) % (choose(own, place) + 1);
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          middlewares: names("m", choose(own, place)).map((name, link): TaskMiddleware => {
            return async (context) => {
              note(trace, task.id, `> ${name}`);
              if (link !== stopsAt(place)) await context.next();
            };
          }),
          handler: () => note(trace, task.id, "handler"),
        })),
      );

      const { success } = await engine.execute();

      expect(success).toBe(true);
      for (const [place, id] of idsOf(graph).entries()) {
        const chain = [...names("m", choose(own, place)).map((name) => `> ${name}`), "handler"];
        expect(trace.get(id)).toEqual(chain.slice(0, stopsAt(place) + 1));
      }
    }),
    cases,
  ));

test("Property: millrace-engine, Property 40: code after next() runs in reverse", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryChains, async (graph, paces, { globals, own }) => {
      const trace: Trace = new Map();
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          middlewares: names("own", choose(own, place)).map((name) => noting(name, choose(paces, place), trace)),
          handler: () => afterPace(choose(paces, place), () => note(trace, task.id, "handler")),
        })),
      ).use(...names("global", globals).map((name, place) => noting(name, choose(paces, place), trace)));

      await engine.execute();

      for (const [place, id] of idsOf(graph).entries()) {
        const lines = trace.get(id) ?? [];
        const chain = [...names("global", globals), ...names("own", choose(own, place))];
        expect(lines.slice(lines.indexOf("handler") + 1)).toEqual(chain.toReversed().map((name) => `< ${name}`));
      }
    }),
    cases,
  ));

test("Property: millrace-engine: a result comes through any chain as it was set, or not at all", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, arbitraryChains, async (graph, paces, { globals, own }) => {
      const trace: Trace = new Map();
      const hasResult = (place: number): boolean => choose(own, place) !== 1;
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          middlewares: names("own", choose(own, place)).map((name) => noting(name, choose(paces, place), trace)),
          handler: () => afterPace(choose(paces, place), () => (hasResult(place) ? task.id : undefined)),
        })),
      ).use(...names("global", globals).map((name, place) => noting(name, choose(paces, place), trace)));

      const { store } = await engine.execute();

      const expected = idsOf(graph).filter((_, place) => hasResult(place));
      const found = [...store.entries()];
      expect(found.filter(([id, value]) => value !== id)).toEqual([]);
      expect(sorted(found.map(([id]) => id))).toEqual(sorted(expected));
    }),
    cases,
  ));

test("Property: millrace-engine: calling next() twice fails the task, whoever does it", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, fc.nat(999), fc.nat(3), async (graph, pick, depth) => {
      const broken = choose(idsOf(graph), pick);
      let calls = 0;
      const pass: TaskMiddleware = (context) => context.next();
      const twice: TaskMiddleware = async (context) => {
        await context.next();
        await context.next();
      };
      const engine = engineWith(
        graph.tasks.map((task) => ({
          ...task,
          middlewares: task.id === broken ? [...names("m", depth).map(() => pass), twice] : [],
          handler: () => {
            if (task.id === broken) calls += 1;
          },
        })),
        { errorStrategy: "continue" },
      );

      const { reports } = await engine.execute();

      expect(calls).toBe(1);
      const failed = [...reports.values()].filter(({ status }) => status === "FAILED");
      expect(failed.map(({ taskId }) => taskId)).toEqual([broken]);
      expect(failed.map(({ error }) => error instanceof Error && error.message.includes("next"))).toEqual([true]);
    }),
    cases,
  ));

test("Property: millrace-engine: after the abort no handler starts behind a middleware, awaited or not", () =>
  fc.assert(
    fc.asyncProperty(arbitraryGraph, arbitraryPaces, fc.boolean(), async (graph, paces, isAwaited) => {
      const called: string[] = [];
      const stop = new AbortController();
      const reason = new Error("stopped from outside");
      const engine = engineWith(
        graph.tasks.map((task, place) => ({
          ...task,
          middlewares: [
            async (context) => {
              await afterPace(choose(paces, place) === "turn" ? "turn" : "microtask", () => undefined);
              const below = context.next();
              if (isAwaited) await below;
            },
          ],
          handler: () => called.push(task.id),
        })),
      );

      const execution = engine.execute({ signal: stop.signal });
      stop.abort(reason);
      const { success, reports } = await execution;

      expect(success).toBe(false);
      expect(called).toEqual([]);
      for (const { id, dependsOn } of graph.tasks) {
        expect(reports.get(id)).toMatchObject({ status: dependsOn.length === 0 ? "FAILED" : "SKIPPED", error: reason });
      }
    }),
    cases,
  ));
