import { expect, test } from "vitest";
import type { Clock } from "#ports/clock.ts";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";
import { PoisonReports } from "./poison-reports.ts";

/** Timers that the test lets run out. */
function createTimers(): { readonly clock: Clock; readonly runOut: () => void } {
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    after: (_, call) => {
      timers.add(call);
      return { cancel: () => timers.delete(call) };
    },
    nextTurn: (call) => call(),
    afterCallbacks: (call) => call(),
    random: () => 0.5,
  };
  const runOut = (): void => {
    for (const call of [...timers]) {
      timers.delete(call);
      call();
    }
  };
  return { clock, runOut };
}

function poisonAt(offset: number): PoisonMessage {
  const content = { key: null, value: null, headers: [], size: 0, isCut: false };
  return { topic: "millrace.tasks.default", partition: 0, offset, reason: "it has no value", ...content };
}

function open(): ReturnType<typeof createTimers> & { readonly reports: PoisonReports; readonly sent: number[] } {
  const timers = createTimers();
  const sent: number[] = [];
  const reports = new PoisonReports({ clock: timers.clock, send: ({ offset }) => void sent.push(offset) });
  return { ...timers, reports, sent };
}

test("a report waits for a session, however long there is none", async () => {
  const { reports, sent, runOut } = open();
  const parked = reports.report(poisonAt(1));
  runOut();
  expect(sent).toEqual([]);
  reports.setSession(1);
  reports.setSession(null);
  runOut();
  reports.setSession(2);
  reports.setSession(2);
  expect(sent).toEqual([1, 1]);
  reports.acknowledge(poisonAt(1));
  await expect(parked).resolves.toBeUndefined();
});

test("one that an open session leaves unanswered fails, and may be made again", async () => {
  const { reports, sent, runOut } = open();
  reports.setSession(1);
  const failed = reports.report(poisonAt(1));
  runOut();
  await expect(failed).rejects.toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("default/0/1") });
  const parked = reports.report(poisonAt(1));
  reports.acknowledge(poisonAt(1));
  await expect(parked).resolves.toBeUndefined();
  expect(sent).toEqual([1, 1]);
});

test("what is beyond the few on their way follows as they are answered, the same place once", () => {
  const { reports, sent } = open();
  reports.setSession(1);
  for (let offset = 0; offset < 20; offset += 1) void reports.report(poisonAt(offset));
  expect(sent).toHaveLength(8);
  reports.acknowledge(poisonAt(3));
  reports.acknowledge(poisonAt(3));
  reports.acknowledge(poisonAt(99));
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("nothing is sent, and no timer is left, after the end", () => {
  const { reports, sent, runOut } = open();
  reports.setSession(1);
  void reports.report(poisonAt(1));
  reports.close();
  runOut();
  reports.setSession(2);
  expect(sent).toEqual([1]);
});
