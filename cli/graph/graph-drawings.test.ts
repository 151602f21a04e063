import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDefinition } from "#definition/parse-definition.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { createPaint } from "../rendering/paint.ts";
import { type DrawnGraph, toDrawnGraph } from "./drawn-graph.ts";
import { orderLayers } from "./layered-order.ts";
import { placeNodes } from "./node-positions.ts";
import { drawSvg } from "./svg-graph.ts";
import { drawAscii, drawDot, drawMermaid } from "./text-graphs.ts";

const plain = createPaint(false);

function graphOf(yaml: string): DrawnGraph {
  const options = { file: "x", operators: operatorSchemas, maxTaskTimeoutMs: 86_400_000 };
  const { definition, problems } = parseDefinition(yaml, options);
  if (definition === null) throw new Error(JSON.stringify(problems));
  return toDrawnGraph(definition);
}

const example = graphOf(`id: etl
tasks:
  extract: {type: bash, operator: {bash_command: ls}, retries: 2}
  lookup: {type: noop, operator: {}}
  load: {type: noop, operator: {}, dependencies: [extract], for_each: "[1, 2]"}
  alert: {type: noop, operator: {}, dependencies: [{task: load, on: failure}], allow_failure: true}
  report: {type: noop, operator: {}, dependencies: [load, lookup, {task: alert, on: completion}], when: "true"}
`);

/** Each task waits for some of those before it. */
const anyGraph = fc
  .integer({ min: 1, max: 40 })
  .chain((size) =>
    fc
      .tuple(
        ...Array.from({ length: size }, (_, task) =>
          fc.subarray([...Array(task).keys()], { maxLength: Math.min(3, task) }),
        ),
      )
      .map((parents) =>
        graphOf(
          `id: x\ntasks:\n${parents
            .map(
              (each, task) =>
                `  t${task}: {type: noop, operator: {}, dependencies: [${each.map((p) => `t${p}`).join(", ")}]}`,
            )
            .join("\n")}\n`,
        ),
      ),
  );

describe("layers", () => {
  test("put a task after its parents, and one that waits for nobody right before who waits for it", () => {
    expect(example.tasks.map(({ id, layer }) => `${id} ${layer}`)).toEqual([
      "extract 0",
      "lookup 2",
      "load 1",
      "alert 2",
      "report 3",
    ]);
  });

  test("edges go one layer at a time; each node keeps its distance from the one before it", () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const layered = orderLayers(graph);
        const positions = placeNodes(layered, graph.tasks.length, { tasks: 10, bends: 4 });
        for (const [index, path] of layered.paths.entries()) {
          expect([path[0], path.at(-1)]).toEqual([graph.edges[index]?.from, graph.edges[index]?.to]);
          const layers = path.map((node) => layered.layerOf[node] ?? -1);
          expect(layers).toEqual(layers.map((_, place) => (layers[0] ?? 0) + place));
        }
        expect(layered.layers.flat().toSorted((a, b) => a - b)).toEqual([...layered.layerOf.keys()]);
        for (const layer of layered.layers) {
          for (const [place, node] of layer.slice(1).entries()) {
            const previous = layer[place] ?? 0;
            const isBend = Math.max(node, previous) >= graph.tasks.length;
            expect((positions[node] ?? 0) - (positions[previous] ?? 0)).toBeGreaterThan((isBend ? 4 : 10) - 1e-6);
          }
        }
        expect(Math.min(...positions)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test("are ordered so that edges which need not cross don't", () => {
    const { layers } = orderLayers(
      graphOf(`id: x
tasks:
  a: {type: noop, operator: {}}
  b: {type: noop, operator: {}}
  c: {type: noop, operator: {}}
  x: {type: noop, operator: {}, dependencies: [c]}
  y: {type: noop, operator: {}, dependencies: [a]}
  z: {type: noop, operator: {}, dependencies: [b]}
`),
    );
    const [first = [], second = []] = layers;
    expect(second.map((task) => ({ 3: 2, 4: 0, 5: 1 })[task])).toEqual(first);
  });
});

describe("a picture", () => {
  test("has each task and each edge once, with the condition of an edge, and tells what is hidden", () => {
    const svg = drawSvg(example);
    expect(svg.match(/<rect /g)).toHaveLength(5);
    expect(svg.match(/<path class="edge /g)).toHaveLength(5);
    expect(svg).toContain(">failure</text>");
    expect(svg).toContain(">completion</text>");
    expect(svg).toContain("<title>extract, bash, 2 retries</title>");
    expect(svg).toContain(">noop · one per item</text>");
    expect(svg).toContain(">noop · conditional</text>");
  });

  test("is well-formed, and everything stands within it", () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const svg = drawSvg(graph);
        expect(openTags(svg)).toEqual([]);
        expect(svg).not.toContain("NaN");
        const [width = 0, height = 0] = [...svg.matchAll(/(?:width|height)="(\d+(?:\.\d+)?)"/g)].map(([, size]) =>
          Number(size),
        );
        for (const [, x, y, w] of svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)) {
          expect(Number(x) + Number(w)).toBeLessThanOrEqual(width);
          expect(Number(y) + 40).toBeLessThanOrEqual(height);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("escapes what stands in it", () => {
    const odd = { id: 'a<b>&"', tasks: [{ id: "<&", notes: ['"'], layer: 0 }], edges: [] };
    expect(openTags(drawSvg(odd))).toEqual([]);
    expect(drawSvg(odd)).toContain('aria-label="Tasks of a&lt;b>&amp;&quot;"');
    expect(drawDot({ ...odd, id: 'a"\\' })).toContain(String.raw`digraph "a\"\\" {`);
    expect(drawMermaid(odd)).toContain('t0["#60;#38;<br><small>#34;</small>"]');
  });

  test("of a graph too large to be read is refused with what to do", () => {
    const tasks = Array.from({ length: 1001 }, (_, place) => ({ id: `t${place}`, notes: [], layer: 0 }));
    expect(() => drawSvg({ id: "big", tasks, edges: [] })).toThrow(/1001 tasks, the limit is 1000.*--format dot/);
  });
});

describe("text", () => {
  test("for terminals is a tree with what it can't show", () => {
    expect(drawAscii(example, plain).split("\n")).toEqual([
      "etl 5 task(s)",
      "├─ extract bash, 2 retries",
      "│  load noop, one per item",
      "│  alert noop, may fail, after load (failure)",
      "├─ lookup noop",
      "└─ report noop, conditional, after load + lookup + alert (completion)",
      "",
    ]);
  });

  test("for Mermaid", () => {
    expect(drawMermaid(example).split("\n").slice(0, 3)).toEqual([
      "flowchart LR",
      '  t0["extract<br><small>bash · 2 retries</small>"]',
      '  t1["lookup<br><small>noop</small>"]',
    ]);
    expect(drawMermaid(example)).toContain("  t0 --> t2\n  t2 -.->|failure| t3\n");
  });

  test("for Graphviz", () => {
    expect(drawDot(example)).toMatch(/^digraph "etl" \{\n {2}rankdir=LR;\n/);
    expect(drawDot(example)).toContain('  t3 -> t4 [label="completion", style=dashed];\n');
  });
});

/** Tags that are opened and not closed, or closed and not opened. */
function openTags(xml: string): string[] {
  const open: string[] = [];
  for (const [, close, name = "", self] of xml.matchAll(/<(\/?)([a-z]+)(?:[^<>"]|"[^"]*")*?(\/?)>/g)) {
    if (close === "/") {
      if (open.pop() !== name) return [name];
    } else if (self !== "/") open.push(name);
  }
  return open;
}
