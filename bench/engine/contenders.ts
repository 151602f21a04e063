import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { Effect } from "effect";
import grfn from "grfn";
import { PGraph } from "p-graph";
import { Engine } from "#engine/engine.ts";
import type { ContenderName, Mode } from "./contender-names.ts";
import type { GraphShape } from "./graph-shape.ts";

/** Calls of handlers, so that nothing can be optimized away and a run that left tasks out is seen. */
export const calls = { count: 0 };

/** Prepares all that can be reused, and answers what runs the graph once; it may answer something to keep. */
export type Prepare = (shape: GraphShape) => () => unknown;

const callSync = (): void => {
  calls.count += 1;
};

const callAsync = async (): Promise<void> => {
  calls.count += 1;
};

export const contenders: { readonly [M in Mode]: Readonly<Record<ContenderName<M>, Prepare>> } = {
  sync: { "counter floor": prepareFloor, millrace: (shape) => prepareMillrace(shape, callSync) },
  async: {
    "bare promises": prepareBare,
    millrace: (shape) => prepareMillrace(shape, callAsync),
    "p-graph": preparePGraph,
    grfn: prepareGrfn,
    effect: prepareEffect,
    langgraph: prepareLangGraph,
  },
};

/** The least that any scheduler does: count down, queue, call. */
function prepareFloor({ size, parents }: GraphShape): () => void {
  const counts = Int32Array.from(parents, ({ length }) => length);
  const children: number[][] = parents.map(() => []);
  parents.forEach((row, task) => row.forEach((parent) => children[parent]?.push(task)));
  const handlers = parents.map(() => callSync);
  return () => {
    const waiting = counts.slice();
    const queue = new Int32Array(size);
    let tail = 0;
    for (let task = 0; task < size; task += 1) {
      if (waiting[task] === 0) queue[tail++] = task;
    }
    for (let head = 0; head < tail; head += 1) {
      const task = queue[head] ?? 0;
      handlers[task]?.();
      for (const child of children[task] ?? []) {
        const left = (waiting[child] ?? 0) - 1;
        waiting[child] = left;
        if (left === 0) queue[tail++] = child;
      }
    }
  };
}

/** What a program does that knows its graph: layer after layer. */
function prepareBare({ layers }: GraphShape): () => Promise<void> {
  return async () => {
    for (const width of layers) {
      if (width === 1) await callAsync();
      else await Promise.all(Array.from({ length: width }, callAsync));
    }
  };
}

function prepareMillrace({ parents }: GraphShape, handler: () => unknown): () => unknown {
  const engine = new Engine();
  parents.forEach((row, task) => engine.register({ id: nameOf(task), dependsOn: row.map(nameOf), handler }));
  engine.build();
  return () => engine.execute();
}

function preparePGraph({ parents }: GraphShape): () => Promise<void> {
  const nodes = new Map(parents.map((_, task) => [nameOf(task), { run: callAsync }]));
  const edges = parents.flatMap((row, task) => row.map((parent): [string, string] => [nameOf(parent), nameOf(task)]));
  const graph = new PGraph(nodes, edges);
  return () => graph.run();
}

function prepareGrfn({ parents }: GraphShape): () => Promise<unknown> {
  const functions = parents.map(() => () => callAsync());
  const run = grfn(
    parents.map((row, task) => [functionAt(functions, task), row.map((parent) => functionAt(functions, parent))]),
  );
  return () => run();
}

/** As the documentation of Effect would write it: layer after layer, each unbounded. */
function prepareEffect({ layers }: GraphShape): () => Promise<void> {
  const call = Effect.promise(callAsync);
  const program = Effect.gen(function* () {
    for (const width of layers) {
      if (width === 1) yield* call;
      else
        yield* Effect.all(
          Array.from({ length: width }, () => call),
          { concurrency: "unbounded", discard: true },
        );
    }
  });
  return () => Effect.runPromise(program);
}

function prepareLangGraph({ parents, size }: GraphShape): () => Promise<unknown> {
  const graph = new StateGraph(Annotation.Root({}));
  const nodes = graph as unknown as {
    addNode(name: string, call: () => Promise<object>): void;
    addEdge(from: string | string[], to: string): void;
  };
  const node = async (): Promise<object> => {
    calls.count += 1;
    return {};
  };
  parents.forEach((_, task) => nodes.addNode(nameOf(task), node));
  parents.forEach((row, task) => {
    const [first] = row;
    if (first === undefined) nodes.addEdge(START, nameOf(task));
    else nodes.addEdge(row.length === 1 ? nameOf(first) : row.map(nameOf), nameOf(task));
  });
  const compiled = graph.compile();
  return () => compiled.invoke({}, { recursionLimit: size + 10 });
}

function functionAt(functions: readonly (() => Promise<void>)[], task: number): () => Promise<void> {
  return functions[task] ?? callAsync;
}

function nameOf(task: number): string {
  return `t${task}`;
}
