import { createRequire } from "node:module";

/** What kafkajs keeps to itself of its queues of requests, one for each connection. The version is fixed. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const load = createRequire(import.meta.url);
const { prototype } = load("kafkajs/src/network/requestQueue/index.js") as { readonly prototype: RequestQueue };
const schedule = prototype.scheduleCheckPendingRequests;

/**
 * After each answer kafkajs asks for a timer that looks for requests that wait. Where none does, the time that it asks for
 * lies before 1970, and Node warns of that once in each process; such a timer has nothing to find.
 */
export function useNoIdleTimers(): void {
  prototype.scheduleCheckPendingRequests = function scheduleWhereSomethingWaits(this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
