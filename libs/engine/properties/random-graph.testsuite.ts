import fc from "fast-check";
import { choose, descendantsOf, type RandomGraph } from "./graph-relations.testsuite.ts";
import { arbitraryPartShapes, graphShapes, type Parents } from "./graph-shapes.testsuite.ts";

/**
 * For every property: a deadline for each case, so that an execution which hangs names its graph, and one for all of
 * them together that leaves the test runner the time to say so.
 */
export const cases = {
  numRuns: 100,
  plugins: [fc.timeout(5_000), fc.interruptAfterTimeLimit(20_000, { failOnInterrupt: true })],
};

const maxTasks = 20;

/** One number for each possible task, to choose with. */
export const arbitraryPicks: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(999), {
  minLength: maxTasks,
  maxLength: maxTasks,
});

const numberedIds = fc.constant(Array.from({ length: maxTasks }, (_, place) => `t${place}`));

/** A trap for one who keeps ids as keys of an object, sorts them, or writes them into a diagram. */
const trickyIds = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "10",
  "9",
  'say "hi"',
  "back\\slash",
  "two\nlines",
  "a -> b",
  "end",
  "<b>&amp;</b>",
  "näme",
  "仕事",
];

const oddIds = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom(...trickyIds),
    fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter((id) => id.trim() !== ""),
  ),
  { minLength: maxTasks, maxLength: maxTasks },
);

const arbitraryIds = fc.oneof({ weight: 3, arbitrary: numberedIds }, { weight: 1, arbitrary: oddIds });

/** Names the tasks and registers them in the order that the picks draw. */
function nameTasks(shape: string, parents: Parents, ids: readonly string[], picks: readonly number[]): RandomGraph {
  const left = parents.map((row, place) => ({
    id: choose(ids, place),
    dependsOn: row.map((parent) => choose(ids, parent)),
  }));
  const tasks = picks.slice(0, left.length).flatMap((pick) => left.splice(pick % left.length, 1));
  return { shape, tasks };
}

/** Graphs of at least two parts with no edge between them; `parts` has the ids of each. */
export const arbitraryParts: fc.Arbitrary<RandomGraph & { readonly parts: readonly (readonly string[])[] }> = fc
  .tuple(arbitraryPartShapes, arbitraryIds, arbitraryPicks)
  .map(([shapes, ids, picks]) => {
    const starts = shapes.map((_, part) => shapes.slice(0, part).reduce((sum, { length }) => sum + length, 0));
    const places = shapes.map((rows, part) => rows.map((_, place) => choose(starts, part) + place));
    const parents = shapes.flatMap((rows, part) => rows.map((row) => row.map((place) => choose(starts, part) + place)));
    const parts = places.map((part) => part.map((place) => choose(ids, place)));
    return { ...nameTasks("disconnected", parents, ids, picks), parts };
  });

/** Acyclic graphs of 1 to 20 tasks, of every shape. */
export const arbitraryGraph: fc.Arbitrary<RandomGraph> = fc.oneof(
  ...Object.entries(graphShapes).map(([name, shape]) =>
    fc
      .tuple(shape(maxTasks), arbitraryIds, arbitraryPicks)
      .map(([parents, ids, picks]) => nameTasks(name, parents, ids, picks)),
  ),
  arbitraryParts.map(({ shape, tasks }) => ({ shape, tasks })),
);

/** A graph with one edge too many: from a task to itself, or back to it from one that it leads to. */
export const arbitraryCyclicGraph: fc.Arbitrary<RandomGraph> = fc
  .tuple(arbitraryGraph, fc.nat(999), fc.nat(999))
  .map(([graph, firstPick, lastPick]) => {
    const first = choose(graph.tasks, firstPick);
    const last = choose([first.id, ...descendantsOf(graph, first.id)], lastPick);
    const tasks = graph.tasks.map((task) =>
      task === first ? { id: task.id, dependsOn: [...task.dependsOn, last] } : task,
    );
    return { shape: `${graph.shape} with a cycle`, tasks };
  });

/** A graph in which some tasks name dependencies that nobody registers; `missing` has the pairs. */
export const arbitraryGraphWithGaps: fc.Arbitrary<
  RandomGraph & { readonly missing: readonly { readonly task: string; readonly name: string }[] }
> = fc.tuple(arbitraryGraph, fc.array(fc.nat(999), { minLength: 1, maxLength: 4 })).map(([graph, picks]) => {
  const missing = picks.map((pick, place) => ({ task: choose(graph.tasks, pick).id, name: `nobody ${place}` }));
  const tasks = graph.tasks.map(({ id, dependsOn }) => ({
    id,
    dependsOn: [...dependsOn, ...missing.filter(({ task }) => task === id).map(({ name }) => name)],
  }));
  return { shape: `${graph.shape} with gaps`, tasks, missing };
});
