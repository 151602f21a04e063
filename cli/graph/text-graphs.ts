import type { Paint } from "../rendering/paint.ts";
import { layoutTree } from "../rendering/tree-layout.ts";
import type { DrawnGraph } from "./drawn-graph.ts";

/**
 * The graph as an indented list: a fork indents its branches, a join stands beside them and names its parents, with the
 * condition of an edge where it has one. Unlike boxes and lines it stays readable for any number of tasks.
 */
export function drawAscii({ id, tasks, edges }: DrawnGraph, paint: Paint): string {
  const parents = tasks.map((): string[] => []);
  const conditions = new Map<string, string>();
  for (const { from, to, on } of edges) {
    const parent = tasks[from]?.id ?? "";
    parents[to]?.push(parent);
    if (on !== "success") conditions.set(`${tasks[to]?.id ?? ""} ${parent}`, ` (${on})`);
  }
  const byId = new Map(tasks.map((task, place) => [task.id, { task, parents: parents[place] ?? [] }]));
  const rows = layoutTree(tasks.map((task, place) => ({ id: task.id, parents: parents[place] ?? [] })));
  const lines = rows.map(({ id: taskId, prefix, joins }) => {
    const entry = byId.get(taskId);
    const named = (entry?.parents ?? []).filter((each) => joins.length > 0 || conditions.has(`${taskId} ${each}`));
    const after = named.map((parent) => `${parent}${conditions.get(`${taskId} ${parent}`) ?? ""}`).join(" + ");
    const remarks = [...(entry?.task.notes ?? []), after === "" ? "" : `after ${after}`].filter((each) => each !== "");
    return `${paint("gray", prefix)}${taskId} ${paint("gray", remarks.join(", "))}`;
  });
  return [`${paint("plain", id, "bold")} ${paint("gray", `${tasks.length} task(s)`)}`, ...lines, ""].join("\n");
}

/** For GitHub, GitLab and others that draw Mermaid in Markdown. */
export function drawMermaid({ tasks, edges }: DrawnGraph): string {
  const nodes = tasks.map(
    ({ id, notes }, place) =>
      `  t${place}["${escapeMermaid(id)}<br><small>${escapeMermaid(notes.join(" · "))}</small>"]`,
  );
  const lines = edges.map(({ from, to, on }) => `  t${from} ${on === "success" ? "-->" : `-.->|${on}|`} t${to}`);
  return ["flowchart LR", ...nodes, ...lines, ""].join("\n");
}

/** For Graphviz. */
export function drawDot({ id, tasks, edges }: DrawnGraph): string {
  const nodes = tasks.map(
    ({ id: task, notes }, place) => `  t${place} [label=${quoteDot(`${task}\n${notes.join(" · ")}`)}];`,
  );
  const lines = edges.map(({ from, to, on }) => {
    const attributes = on === "success" ? "" : ` [label=${quoteDot(on)}, style=dashed]`;
    return `  t${from} -> t${to}${attributes};`;
  });
  const head = [
    `digraph ${quoteDot(id)} {`,
    "  rankdir=LR;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
  ];
  return [...head, ...nodes, ...lines, "}", ""].join("\n");
}

function escapeMermaid(text: string): string {
  return text.replaceAll(/[^\w .,·-]/g, (character) => `#${character.codePointAt(0) ?? 0};`);
}

function quoteDot(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
