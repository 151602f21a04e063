/** What a wake is about. Hints only: what gets lost, a scan finds. `ended` carries the id of a run that has its end. */
export type WakeTopic =
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
  /** Returns the function that ends it. */
  listen(topic: WakeTopic, listener: (detail: string) => void): () => void;
}
