import { setImmediate as nextTurn } from "node:timers/promises";
import type { Schedule } from "#schedule/schedule.ts";

/** Slots of one page: less than 50 ms of work, and one transaction. */
export const slotPageSize = 1000;

/** The dates of a schedule's slots in a range whose ends are included, oldest first. Between pages the process does other work. */
export async function* slotPages(
  schedule: Schedule,
  { fromAt, toAt }: { readonly fromAt: number; readonly toAt: number },
): AsyncGenerator<readonly number[]> {
  let page: number[] = [];
  for (const { at } of schedule.times(fromAt - 1)) {
    if (at > toAt) break;
    page.push(at);
    if (page.length < slotPageSize) continue;
    yield page;
    page = [];
    await nextTurn();
  }
  if (page.length > 0) yield page;
}
