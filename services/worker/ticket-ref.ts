import { type AttemptRef, instanceOf } from "./attempt.ts";

/** What a ticket names: an attempt that has no fence yet. */
export type TicketRef = Omit<AttemptRef, "fence">;

/** What a worker and an executor know a ticket by: its instance, in one try. */
export function ticketKeyOf(ref: TicketRef): string {
  return `${instanceOf(ref)} ${ref.generation} ${ref.tryNumber}`;
}
