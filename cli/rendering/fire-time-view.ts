import type { FireNote } from "#schedule/fire-time.ts";
import { formatWallTime, openZone } from "#schedule/zone.ts";
import type { Paint } from "./paint.ts";
import { renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";
import { durationText } from "./time-text.ts";

/** The coming times of a schedule, from a file or a server. */
export interface FireTimeList {
  readonly dagId: string;
  /** The schedule as it was written; empty: manual runs only. */
  readonly text: string;
  readonly timezone: string;
  readonly isPaused: boolean;
  readonly times: readonly {
    /** RFC 3339 in UTC. */
    readonly at: string;
    readonly local: string;
    readonly note: FireNote | null;
  }[];
}

const notes: Readonly<Record<FireNote, string>> = {
  gap: "gap: the clocks skip its own time",
  overlap: "overlap: the clocks show this time twice",
  clamped: "clamped: the last day stands in for one that the month does not have",
};

/** One line for each time: in the schedule's zone, in the reader's, and what is special about it. */
export function renderFireTimes(
  { dagId, text, timezone, isPaused, times }: FireTimeList,
  { paint, width, now }: { paint: Paint; width: number | null; now: number },
): readonly string[] {
  if (times.length === 0) return [harmlessLine(reasonForNone(dagId, text))];
  const reader = openZone(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const isOwn = reader.name === timezone;
  const paused = isPaused ? [paint("yellow", "paused: no run is made until the DAG is resumed")] : [];
  const title = `${paint("plain", harmlessLine(dagId), "bold")}  ${harmlessLine(text)} (${timezone})`;
  const table = renderTable({
    columns: [
      { title: timezone.toUpperCase() },
      ...(isOwn ? [] : [{ title: `HERE (${reader.name})` }]),
      { title: "IN", align: "right" as const },
      { title: "NOTE", flexible: true },
    ],
    rows: times.map(({ at, local, note }) => [
      { text: spaced(local) },
      ...(isOwn ? [] : [{ text: spaced(formatWallTime(Date.parse(at), reader)) }]),
      { text: Date.parse(at) < now ? "past" : durationText(Date.parse(at) - now) },
      note === null ? { text: "" } : { text: notes[note], color: "yellow" as const },
    ]),
    paint,
    width,
  });
  return [title, ...paused, ...table];
}

function reasonForNone(dagId: string, text: string): string {
  if (text === "") return `${dagId} has no schedule: manual runs only`;
  if (text.trim().toLowerCase() === "@continuous") return `${dagId} runs again whenever its last run has ended`;
  return `${dagId} (${text}) does not fire any more`;
}

/** `2026-03-08 03:30:00 -04:00` */
function spaced(local: string): string {
  return local.replace("T", " ").replace(/([+-]\d{2}:\d{2})$/, " $1");
}
