/**
 * What a wake is about. Hints only: what gets lost, a scan finds. `created` carries the key of a new run of which something may
 * be queued, `evaluations` that of one of which something is to be looked at before, `ended` the id of a run that has its end.
 */
export type WakeTopic =
  | "created"
  | "evaluations"
  | "queued"
  | "ended"
  | "outbox"
  | "events"
  | "definitions"
  | "stops"
  | "logs"
  | "schedules"
  | "drains"
  | "backfills"
  | "sensors"
  | "room";

/** Tells other loops, in this process and in others, that there is work; sent after COMMIT, coalesced. */
export interface Wake {
  notify(topic: WakeTopic, detail?: string): void;
  /** Returns the function that ends it. While `isSole` answers true no other process need be told what this one tells itself. */
  listen(topic: WakeTopic, listener: (detail: string) => void, isSole?: () => boolean): () => void;
}
