import type { Definition } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import { openSchedule, type Schedule } from "#schedule/schedule.ts";
import { endOf, parseWallText, startOf, type WallText, wallTextForms } from "#schedule/wall-text.ts";
import { openZone } from "#schedule/zone.ts";
import { invalidField } from "./invalid-field.ts";
import { slotPages } from "./slot-pages.ts";

/** More slots are refused: a backfill is work that somebody wants to see the end of. */
const maxBackfillSlots = 100_000;

/** A range of a definition's slots, at least one. Times in milliseconds since 1970, both ends included. */
export interface BackfillRange {
  readonly schedule: Schedule;
  readonly fromAt: number;
  readonly toAt: number;
  readonly slotCount: number;
}

/**
 * The schedule that says which slots a range has: as if the definition had always been registered. Throws
 * DAG_NOT_SCHEDULED.
 */
export function openBackfillSchedule({ id, schedule: spec }: Definition): Schedule {
  const schedule = spec === null ? null : openSchedule(spec, null);
  if (schedule !== null && !schedule.isContinuous) return schedule;
  const why = schedule === null ? "has no schedule" : "runs continuously";
  throw new AppError("DAG_NOT_SCHEDULED", `DAG ${id} ${why}, so there are no slots to fill; trigger runs one by one`, {
    details: { dag_id: id },
  });
}

/**
 * Reads the ends of a range in the definition's zone and counts its slots. Slots that have not come yet are the
 * schedule's own and left out. Throws DAG_NOT_SCHEDULED and INVALID_ARGUMENT.
 */
export async function readBackfillRange(
  definition: Definition,
  { from, to, now }: { readonly from: string; readonly to: string; readonly now: number },
): Promise<BackfillRange> {
  const schedule = openBackfillSchedule(definition);
  const zone = openZone(definition.timezone);
  const fromAt = startOf(readTime("from", from), zone);
  const lastAt = endOf(readTime("to", to), zone);
  if (lastAt < fromAt) throw invalidField("to", `is ${to}, before from, which is ${from}; exchange them`);
  const toAt = Math.min(lastAt, Math.floor(now));
  let slotCount = 0;
  for await (const page of slotPages(schedule, { fromAt, toAt })) {
    slotCount += page.length;
    if (slotCount > maxBackfillSlots) {
      throw invalidField("to", `is too far: the range has more than ${maxBackfillSlots} slots; split it`);
    }
  }
  if (slotCount === 0) {
    const until = toAt < lastAt ? " that has come already" : "";
    throw invalidField(
      "to",
      `leaves no slot of DAG ${definition.id}'s schedule in the range from ${from} to ${to}${until}`,
    );
  }
  return { schedule, fromAt, toAt, slotCount };
}

function readTime(field: string, text: string): WallText {
  if (text === "") throw invalidField(field, "is missing; give the first and the last day of the range");
  const read = parseWallText(text);
  if (read === null) throw invalidField(field, `must be a time such as ${wallTextForms}, not ${JSON.stringify(text)}`);
  return read;
}
