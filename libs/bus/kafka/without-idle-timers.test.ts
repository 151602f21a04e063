import { createRequire } from "node:module";
import { expect, it, onTestFinished } from "vitest";
import { useNoIdleTimers } from "./without-idle-timers.ts";

interface Queue {
  readonly pending: unknown[];
  readonly throttleCheckTimeoutId: unknown;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

const load = createRequire(import.meta.url);
const RequestQueue = load("kafkajs/src/network/requestQueue/index.js") as new (options: object) => Queue;

it("a queue of requests has a timer while one waits, and none in the past where none does", () => {
  useNoIdleTimers();
  const queue = new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1000, logger: { debug: () => undefined } });
  onTestFinished(() => queue.destroy());
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
});
