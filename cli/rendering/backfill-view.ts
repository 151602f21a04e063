import {
  type Backfill,
  BackfillOrder,
  type BackfillPreview,
  type BackfillProgress,
  BackfillSelection,
  BackfillState,
  SlotAction,
} from "#gen/millrace/v1/backfill_service_pb.js";
import { RunState } from "#gen/millrace/v1/run_service_pb.js";
import type { Color, Paint } from "./paint.ts";
import { runStateWord, timestampMillis } from "./proto-words.ts";
import { runStateStyles } from "./state-style.ts";
import { type Cell, renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";
import { durationText, instantText } from "./time-text.ts";

interface ViewOptions {
  readonly paint: Paint;
  /** Columns of the terminal; null: never cut. */
  readonly width: number | null;
}

const stateCells: Readonly<Record<BackfillState, Cell>> = {
  [BackfillState.UNSPECIFIED]: { text: "? unknown" },
  [BackfillState.PLANNING]: { text: "◷ planning", color: "gray" },
  [BackfillState.RUNNING]: { text: "◐ running", color: "blue" },
  [BackfillState.CANCELLING]: { text: "■ cancelling", color: "dark_gray" },
  [BackfillState.CANCELLED]: { text: "■ cancelled", color: "dark_gray" },
  [BackfillState.COMPLETED]: { text: "✓ completed", color: "green" },
};

const actionCells: Readonly<Record<SlotAction, Cell>> = {
  [SlotAction.UNSPECIFIED]: { text: "?" },
  [SlotAction.CREATE]: { text: "create", color: "green" },
  [SlotAction.RERUN]: { text: "rerun", color: "violet" },
  [SlotAction.LEAVE]: { text: "leave", color: "gray" },
};

/** What the counts of a backfill are called, in the order in which they are shown. */
const countNames = ["success", "failed", "cancelled", "active", "left", "refused", "waiting"] as const;

const barWidth = 24;

/** Backfills as a table, one a row, in the order given. */
export function renderBackfills(backfills: readonly Backfill[], options: ViewOptions): readonly string[] {
  return renderTable({
    columns: [
      { title: "BACKFILL", flexible: true },
      { title: "STATE" },
      { title: "FROM" },
      { title: "TO" },
      { title: "SLOTS" },
      { title: "DONE", align: "right" },
      { title: "FAILED", align: "right" },
    ],
    rows: backfills.map((backfill) => [
      { text: backfill.backfillId },
      backfillStateCell(backfill),
      { text: instantOf(backfill.from) },
      { text: instantOf(backfill.to) },
      { text: selectionWord(backfill.selection) },
      { text: `${doneCount(backfill.progress)}/${backfill.progress?.total ?? 0}` },
      { text: String((backfill.progress?.failed ?? 0) + (backfill.progress?.refused ?? 0)) },
    ]),
    ...options,
  });
}

/** One backfill: state and progress, and what it was asked to do. */
export function renderBackfill(backfill: Backfill, now: number, { paint }: ViewOptions): readonly string[] {
  const state = backfillStateCell(backfill);
  const facts: readonly (readonly [string, string])[] = [
    ["dag", backfill.dagId],
    ["range", `${instantOf(backfill.from)} to ${instantOf(backfill.to)}`],
    ["slots", `${selectionWord(backfill.selection)}, ${orderWord(backfill.order)} first`],
    ["at once", `${backfill.maxActiveRuns}, priority ${backfill.priorityOffset}`],
    ["created", `${instantOf(backfill.createdAt)} by ${backfill.createdBy}`],
    ["took", tookText(backfill, now)],
    ["note", backfill.note],
    ["held by", backfill.heldBy],
    ["refused", backfill.refusal],
  ];
  return [
    `${paint("plain", harmlessLine(backfill.backfillId), "bold")}  ${paint(state.color ?? "plain", state.text)}`,
    `  ${progressText(backfill, paint)}`,
    ...facts.flatMap(([name, value]) => (value === "" ? [] : [`  ${name.padEnd(9)}${harmlessLine(value)}`])),
  ];
}

/** How far it is: a bar, and what became of its slots. */
export function progressText({ progress }: Backfill, paint: Paint): string {
  const [total, done] = [progress?.total ?? 0, doneCount(progress)];
  const filled = total === 0 ? 0 : Math.floor((done / total) * barWidth);
  const bar = `${paint("green", "█".repeat(filled))}${paint("gray", "░".repeat(barWidth - filled))}`;
  const counts = countNames.filter((name) => (progress?.[name] ?? 0) > 0);
  return `${bar} ${done}/${total}  ${counts.map((name) => `${progress?.[name]} ${name}`).join(", ")}`;
}

/** What a backfill would do: its first slots and the sums. */
export function renderPreview(
  preview: Pick<BackfillPreview, "slots" | "totalCount" | "createCount" | "rerunCount" | "leaveCount">,
  options: ViewOptions,
): readonly string[] {
  const { slots, createCount, rerunCount, leaveCount } = preview;
  const rest = Number(preview.totalCount) - slots.length;
  const table = renderTable({
    columns: [{ title: "SLOT" }, { title: "ACTION" }, { title: "STATE" }, { title: "RUN", flexible: true }],
    rows: slots.map((slot) => [
      { text: instantOf(slot.executionDate) },
      actionCells[slot.action] ?? { text: "?" },
      slot.state === RunState.UNSPECIFIED ? { text: "" } : styledState(slot.state),
      { text: slot.dagRunId },
    ]),
    ...options,
  });
  return [
    ...table,
    ...(rest > 0 ? [options.paint("gray", `… and ${rest} more; --limit shows them`)] : []),
    "",
    `${createCount} to create, ${rerunCount} to run again, ${leaveCount} left alone; nothing was changed, repeat it without --dry-run`,
  ];
}

export function backfillStateCell({ state, isPaused, endDate }: Backfill): Cell {
  const cell = stateCells[state] ?? stateCells[BackfillState.UNSPECIFIED];
  const paused: Color = "yellow";
  return isPaused && endDate === undefined ? { text: `${cell.text} ‖ paused`, color: paused } : cell;
}

function styledState(state: RunState): Cell {
  const style = runStateStyles[runStateWord(state)];
  return { text: `${style.icon} ${style.word}`, color: style.color };
}

function doneCount(progress: BackfillProgress | undefined): number {
  return progress === undefined ? 0 : progress.total - progress.waiting - progress.active;
}

function tookText({ createdAt, endDate }: Backfill, now: number): string {
  const begun = timestampMillis(createdAt) ?? now;
  return durationText((timestampMillis(endDate) ?? now) - begun);
}

function instantOf(timestamp: Parameters<typeof timestampMillis>[0]): string {
  const at = timestampMillis(timestamp);
  return at === null ? "" : instantText(at);
}

function selectionWord(selection: BackfillSelection): string {
  return (BackfillSelection[selection] ?? "missing").toLowerCase();
}

function orderWord(order: BackfillOrder): string {
  return order === BackfillOrder.NEWEST ? "newest" : "oldest";
}
