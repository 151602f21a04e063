import type { Dag, ImportError } from "#gen/millrace/v1/dag_service_pb.js";
import type { Paint } from "./paint.ts";
import { dropReasonWord, runStateWord, timestampMillis } from "./proto-words.ts";
import { runStateStyles } from "./state-style.ts";
import { type Cell, renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";
import { durationText, instantText } from "./time-text.ts";
import { layoutTree } from "./tree-layout.ts";

interface ViewOptions {
  readonly paint: Paint;
  /** Columns of the terminal; null: never cut. */
  readonly width: number | null;
}

/** Definitions as a table, one a row. */
export function renderDags(dags: readonly Dag[], { paint, width }: ViewOptions): readonly string[] {
  return renderTable({
    columns: [
      { title: "DAG", flexible: true },
      { title: "STATUS" },
      { title: "SCHEDULE" },
      { title: "NEXT RUN" },
      { title: "LAST RUN" },
      { title: "DESCRIPTION", flexible: true },
    ],
    rows: dags.map((dag) => [
      { text: dag.dagId },
      dagStatus(dag),
      { text: dag.scheduleInterval === "" ? "manual" : dag.scheduleInterval },
      { text: optionalInstant(timestampMillis(dag.nextRun)) },
      lastRunCell(dag),
      { text: dag.description },
    ]),
    paint,
    width,
  });
}

/** One definition: its facts, its tasks as a tree, its parameters, and what is wrong with its file. */
export function renderDag(dag: Dag, options: ViewOptions): readonly string[] {
  const { paint } = options;
  const status = dagStatus(dag);
  const lines = [
    `${paint("plain", harmlessLine(dag.dagId), "bold")}  ${paint(status.color ?? "plain", status.text)}  version ${dag.version}`,
  ];
  const facts: readonly (readonly [string, string])[] = [
    ["description", dag.description],
    ["schedule", dag.scheduleInterval === "" ? "manual" : `${dag.scheduleInterval} (${dag.timezone})`],
    ["next run", optionalInstant(timestampMillis(dag.nextRun))],
    ["last run", lastRunCell(dag).text],
    ["left out", droppedText(dag.droppedSlots)],
    ["owner", dag.owner],
    ["tags", dag.tags.join(", ")],
    ["file", dag.filePath],
    ["parameters", Object.keys(dag.parameters ?? {}).join(", ")],
  ];
  for (const [name, value] of facts) if (value !== "") lines.push(`  ${name.padEnd(12)}${harmlessLine(value)}`);
  lines.push("  tasks");
  const types = new Map(dag.tasks.map((task) => [task.id, task.type]));
  for (const row of layoutTree(dag.tasks.map((task) => ({ id: task.id, parents: task.dependencies })))) {
    const after = row.joins.length === 0 ? "" : `, after ${row.joins.join(" + ")}`;
    lines.push(`    ${paint("gray", row.prefix)}${row.id} ${paint("gray", `${types.get(row.id) ?? ""}${after}`)}`);
  }
  for (const problem of dag.registration?.errors ?? []) {
    lines.push(
      paint(
        "red",
        harmlessLine(`  ${problem.file}:${problem.line}:${problem.column} ${problem.code} ${problem.message}`),
      ),
    );
  }
  return lines;
}

/** Files that are not in force, with the first error of each. */
export function renderImportErrors(broken: readonly ImportError[], paint: Paint): readonly string[] {
  if (broken.length === 0) return [];
  const lines = broken.map(({ filePath, registration }) => {
    const errors = (registration?.errors ?? []).filter((problem) => !problem.warning);
    const [first] = errors;
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : "";
    const text = first === undefined ? "" : `:${first.line}:${first.column} ${first.code} ${first.message}${more}`;
    return harmlessLine(`  ${filePath}${text}`);
  });
  return ["", paint("red", `✗ ${broken.length} file(s) could not be registered:`), ...lines];
}

function dagStatus(dag: Dag): Cell {
  if ((dag.registration?.errors ?? []).some((problem) => !problem.warning))
    return { text: "✗ import failed", color: "red" };
  if (!dag.isActive) return { text: "□ archived", color: "gray" };
  return dag.isPaused ? { text: "‖ paused", color: "yellow" } : { text: "● active", color: "green" };
}

function lastRunCell(dag: Dag): Cell {
  if (dag.lastRun === undefined) return { text: "" };
  const style = runStateStyles[runStateWord(dag.lastRun.state)];
  const duration = dag.lastRun.durationMs === undefined ? "" : ` ${durationText(Number(dag.lastRun.durationMs))}`;
  return { text: `${style.icon} ${style.word}${duration}`, color: style.color };
}

/** The slots that last became no run: `2026-01-14 13:00:00Z to 2026-01-14 16:00:00Z, 4 missed; 9 in all`. */
function droppedText(dropped: Dag["droppedSlots"]): string {
  if (dropped === undefined) return "";
  const [from, to] = [dropped.from, dropped.to].map((time) => optionalInstant(timestampMillis(time)));
  const range = from === to ? from : `${from} to ${to}`;
  return `${range}, ${dropped.count} ${dropReasonWord(dropped.reason) ?? ""}; ${dropped.totalCount} in all`;
}

function optionalInstant(at: number | null): string {
  return at === null ? "" : instantText(at);
}
