import { describe, expect, it } from "vitest";
import { describeBusContract } from "#testing/bus.testsuite.ts";
import { describeBusOutage } from "#testing/bus-outage.testsuite.ts";
import { type OutageHarness, planFor } from "#testing/bus-harness.ts";
import { collectTickets, ticketsFor } from "#testing/ticket-collector.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { Clock } from "#ports/clock.ts";
import { MemoryBroker } from "./memory-broker.ts";

const logger = createLogger({ level: "silent", format: "json", component: "bus" });

const loopClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  nextTurn: (call) => void setImmediate(call),
  afterCallbacks: (call) => process.nextTick(call),
  random: () => 0.5,
};

async function openMemoryHarness(): Promise<OutageHarness> {
  const broker = new MemoryBroker({ clock: loopClock, logger });
  const bus = broker.connect();
  return {
    bus,
    openAnother: async () => broker.connect(),
    append: async (queue, partition, message) => {
      broker.append(broker.names.ticketsOf(queue), [{ ...message, key: "", partition }]);
    },
    readEvents: async () =>
      broker.read(broker.names.events).flatMap((messages, partition) =>
        messages.map(({ value, headers, key }) => ({
          ...{ value, headers: Object.fromEntries(headers), partition },
          key: Buffer.from(key ?? "").toString(),
        })),
      ),
    topicOf: (queue) => broker.names.ticketsOf(queue),
    close: () => bus.close(),
    takeAway: async () => broker.setDown("gone for a test"),
    bringBack: async () => broker.setDown(null),
  };
}

describe("the memory bus", () => {
  describeBusContract(openMemoryHarness);
  describe("without its broker", () => {
    describeBusOutage(openMemoryHarness);
  });
});

/** Keeps its calls until the test runs them. */
function createManualClock(): Clock & { runNext: () => boolean } {
  const calls: (() => void)[] = [];
  return {
    ...loopClock,
    now: () => 0,
    nextTurn: (call) => void calls.push(call),
    runNext: () => {
      const call = calls.shift();
      call?.();
      return call !== undefined;
    },
  };
}

describe("a memory broker on a clock of the test", () => {
  it("does nothing before the clock's next turn", async () => {
    const clock = createManualClock();
    const bus = new MemoryBroker({ clock, logger }).connect();
    await bus.ensureTopics(planFor(["default"], 1));
    const collector = collectTickets(bus, ["default"]);
    await bus.publishTickets(ticketsFor("default", [0], 2));
    expect(collector.taskIds()).toEqual([]);
    while (clock.runNext());
    expect(collector.taskIds()).toEqual(["t0", "t1"]);
  });

  it("commits nothing more of a process that crashes, not even what is done", async () => {
    const clock = createManualClock();
    const broker = new MemoryBroker({ clock, logger });
    const dying = broker.connect();
    await dying.ensureTopics(planFor(["default"], 1));
    const first = collectTickets(dying, ["default"], { onTicket: ({ done }) => done() });
    await dying.publishTickets(ticketsFor("default", [0], 1));
    while (first.deliveries.length === 0) clock.runNext();
    dying.crash();
    const second = collectTickets(broker.connect(), ["default"]);
    while (clock.runNext());
    expect(second.taskIds()).toEqual(["t0"]);
  });
});
