import type { EdgeCondition } from "#core/graph.ts";
import { dependencyCondition, dependencyId, type RegisteredTask } from "./registered-task.ts";

/** What a drawing shows beside a task's id. */
function notesOf({ extras }: RegisteredTask): readonly string[] {
  const notes = extras.triggerRule === "all_success" ? [] : [extras.triggerRule];
  return extras.when === null ? notes : [...notes, "when"];
}

interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly on: EdgeCondition;
}

function* edgesOf(tasks: readonly RegisteredTask[]): Generator<DrawnEdge> {
  for (const { id, dependsOn } of tasks) {
    for (const dependency of dependsOn) {
      yield { from: dependencyId(dependency), to: id, on: dependencyCondition(dependency) };
    }
  }
}

/** Graphviz, from left to right; dashed edges are followed on failure or on any end. */
export function drawDot(tasks: readonly RegisteredTask[]): string {
  const lines = ["digraph {", "  rankdir=LR;", "  node [shape=box];"];
  for (const task of tasks) {
    const notes = notesOf(task);
    const label = notes.length === 0 ? "" : ` [label=${quoteDot([task.id, ...notes].join("\n"))}]`;
    lines.push(`  ${quoteDot(task.id)}${label};`);
  }
  for (const { from, to, on } of edgesOf(tasks)) {
    const label = on === "success" ? "" : ` [label=${quoteDot(on)}, style=dashed]`;
    lines.push(`  ${quoteDot(from)} -> ${quoteDot(to)}${label};`);
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

/** A Mermaid flowchart, from left to right. */
export function drawMermaid(tasks: readonly RegisteredTask[]): string {
  const names = new Map<string, string>();
  const nameOf = (id: string): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const name = `t${names.size}`;
    names.set(id, name);
    return name;
  };
  const lines = ["flowchart LR"];
  for (const task of tasks) {
    const label = [task.id, ...notesOf(task)].map(escapeMermaid).join("<br>");
    lines.push(`  ${nameOf(task.id)}["${label}"]`);
  }
  for (const { from, to, on } of edgesOf(tasks)) {
    if (!names.has(from)) lines.push(`  ${nameOf(from)}["${escapeMermaid(from)}"]`);
    lines.push(`  ${nameOf(from)} ${on === "success" ? "-->" : `-. ${on} .->`} ${nameOf(to)}`);
  }
  return `${lines.join("\n")}\n`;
}

function quoteDot(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\r", "").replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

/** Mermaid reads entities written as `#code;` inside quotes. */
function escapeMermaid(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} ._\-/]/gu, (sign) => `#${sign.codePointAt(0) ?? 0};`);
}
