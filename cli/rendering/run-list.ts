import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import { RunType } from "#gen/millrace/v1/run_service_pb.js";
import type { Paint } from "./paint.ts";
import { runStateWord, timestampMillis } from "./proto-words.ts";
import { runStateStyles } from "./state-style.ts";
import { type Cell, renderTable } from "./table.ts";
import { durationText, instantText } from "./time-text.ts";

/** Runs as a table, one a row, in the order given. */
export function renderRuns(
  runs: readonly DagRun[],
  options: { paint: Paint; width: number | null },
): readonly string[] {
  return renderTable({
    columns: [
      { title: "RUN", flexible: true },
      { title: "DAG", flexible: true },
      { title: "STATE" },
      { title: "TYPE" },
      { title: "EXECUTION DATE" },
      { title: "STARTED" },
      { title: "DURATION", align: "right" },
    ],
    rows: runs.map((run) => [
      { text: run.dagRunId },
      { text: run.dagId },
      runStateCell(run),
      { text: runTypeWord(run.runType) },
      instantCell(timestampMillis(run.executionDate)),
      instantCell(timestampMillis(run.startDate)),
      { text: run.durationMs === undefined ? "" : durationText(Number(run.durationMs)) },
    ]),
    ...options,
  });
}

/** The state of a run; one that goes on although it has failed already says so. */
export function runStateCell(run: DagRun): Cell {
  const style = runStateStyles[runStateWord(run.state)];
  const goesOn = run.endDate === undefined && (style.word === "failed" || style.word === "cancelled");
  const paused = run.isPaused ? " ‖ paused" : "";
  return { text: `${style.icon} ${style.word}${goesOn ? " (goes on)" : ""}${paused}`, color: style.color };
}

export function runTypeWord(type: RunType): string {
  return (RunType[type] ?? "unspecified").toLowerCase();
}

function instantCell(at: number | null): Cell {
  return { text: at === null ? "" : instantText(at) };
}
