import { AppError } from "#errors/app-error.ts";
import type { DrawnEdge, DrawnGraph, DrawnTask } from "./drawn-graph.ts";
import { type LayeredGraph, orderLayers } from "./layered-order.ts";
import { placeNodes } from "./node-positions.ts";

/** Beyond this nobody can read a picture; the text formats have no limit. */
const maxTasks = 1000;
/** Bends of long edges, which cost time as tasks do. */
const maxBends = 20_000;

const margin = 16;
const boxHeight = 40;
const rowGap = 16;
const bendGap = 18;
const layerGap = 56;
const paddingX = 12;
/** Widths of a character of the two lines of a box, for fonts that are not known here. */
const idWidth = 7.9;
const notesWidth = 6.1;
const widestId = 40;

/** A picture of the graph from left to right, in the reader's light or dark colors. */
export function drawSvg(graph: DrawnGraph): string {
  const bends = graph.edges.reduce((sum, { from, to }) => sum + spanOf(graph, from, to) - 1, 0);
  if (graph.tasks.length > maxTasks || bends > maxBends) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${graph.id} is too large for a picture (${graph.tasks.length} tasks, the limit is ${maxTasks}); choose --format dot, mermaid or ascii`,
    );
  }
  const layered = orderLayers(graph);
  const middles = placeNodes(layered, graph.tasks.length, {
    tasks: boxHeight + rowGap,
    bends: bendGap + boxHeight / 2,
  });
  const columns = placeColumns(graph, layered);
  const at = (node: number): Point => {
    const column = columns[layered.layerOf[node] ?? 0] ?? { x: 0, width: 0 };
    return { x: margin + column.x, y: margin + boxHeight / 2 + (middles[node] ?? 0), width: column.width };
  };
  const width = 2 * margin + Math.max(0, ...columns.map((column) => column.x + column.width));
  const height = 2 * margin + boxHeight + middles.reduce((most, each) => Math.max(most, each), 0);
  const edges = graph.edges.map((edge, index) => drawEdge(edge, (layered.paths[index] ?? []).map(at), graph));
  const boxes = graph.tasks.map((task, index) => drawTask(task, at(index), boxWidth(task)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="millrace-graph" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" role="img" aria-label="${escapeXml(`Tasks of ${graph.id}`)}">`,
    style,
    arrows,
    ...edges,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}

interface Point {
  readonly x: number;
  readonly y: number;
  /** Of the column. */
  readonly width: number;
}

/** Every rule names the picture, so that it changes nothing of a page that it stands in. */
const style = `<style>
.millrace-graph { color-scheme: light dark; --paper: #ffffff; --line: #8a94a3; --text: #1d2530; --soft: #5b6675; --box: #f4f6f9; --fail: #c2410c; --done: #2563eb; font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; background: var(--paper) }
@media (prefers-color-scheme: dark) { .millrace-graph { --paper: #14181f; --line: #6d7888; --text: #e8ecf2; --soft: #a4aebd; --box: #1f2630; --fail: #fb923c; --done: #7aa7ff } }
.millrace-graph rect { fill: var(--box); stroke: var(--line) } .millrace-graph text { fill: var(--text); font-size: 13px } .millrace-graph .notes { fill: var(--soft); font-size: 11px }
.millrace-graph .edge { fill: none; stroke: var(--line); stroke-width: 1.4 } .millrace-graph .edge.failure { stroke: var(--fail); stroke-dasharray: 5 3 } .millrace-graph .edge.completion { stroke: var(--done); stroke-dasharray: 2 3 }
.millrace-graph .label { font-size: 10px; paint-order: stroke; stroke: var(--paper); stroke-width: 4px } .millrace-graph .label.failure { fill: var(--fail) } .millrace-graph .label.completion { fill: var(--done) }
</style>`;

const arrows = `<defs>${["success", "failure", "completion"].map(arrow).join("")}</defs>`;

function arrow(on: string): string {
  const color = { failure: "var(--fail)", completion: "var(--done)" }[on] ?? "var(--line)";
  return `<marker id="arrow-${on}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="${color}"/></marker>`;
}

function drawTask({ id, notes }: DrawnTask, { x, y }: Point, width: number): string {
  const shown = id.length > widestId ? `${id.slice(0, widestId - 1)}…` : id;
  return [
    `<g><title>${escapeXml([id, ...notes].join(", "))}</title>`,
    `<rect x="${round(x)}" y="${round(y - boxHeight / 2)}" width="${round(width)}" height="${boxHeight}" rx="6"/>`,
    `<text x="${round(x + paddingX)}" y="${round(y - 3)}">${escapeXml(shown)}</text>`,
    `<text class="notes" x="${round(x + paddingX)}" y="${round(y + 12)}">${escapeXml(notes.join(" · "))}</text></g>`,
  ].join("");
}

/** From box to box, level through the columns in between and curved in the gaps. */
function drawEdge({ from, on }: DrawnEdge, points: readonly Point[], { tasks }: DrawnGraph): string {
  const [start, ...rest] = points;
  const task = tasks[from];
  if (start === undefined || task === undefined) return "";
  let x = start.x + boxWidth(task);
  let y = start.y;
  let line = `M${round(x)} ${round(y)}`;
  // Boxes are narrower than their column.
  if (x < start.x + start.width) line += `H${round((x = start.x + start.width))}`;
  for (const [index, point] of rest.entries()) {
    const middle = round((x + point.x) / 2);
    line += `C${middle} ${round(y)} ${middle} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    [x, y] = [point.x, point.y];
    if (index < rest.length - 1) line += `H${round((x = point.x + point.width))}`;
  }
  const path = `<path class="edge ${on}" d="${line}" marker-end="url(#arrow-${on})"/>`;
  if (on === "success") return path;
  return `${path}<text class="label ${on}" x="${round(x - 8)}" y="${round(y - 5)}" text-anchor="end">${on}</text>`;
}

function placeColumns(graph: DrawnGraph, { layers }: LayeredGraph): readonly { x: number; width: number }[] {
  let x = 0;
  return layers.map((layer) => {
    const width = Math.max(0, ...layer.flatMap((node) => graph.tasks[node] ?? []).map(boxWidth));
    const column = { x, width };
    x += width + layerGap;
    return column;
  });
}

function boxWidth({ id, notes }: DrawnTask): number {
  const text = Math.max(Math.min(id.length, widestId) * idWidth, notes.join(" · ").length * notesWidth);
  return Math.ceil(text) + 2 * paddingX;
}

function spanOf({ tasks }: DrawnGraph, from: number, to: number): number {
  return (tasks[to]?.layer ?? 0) - (tasks[from]?.layer ?? 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
