import { expect, test } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { noResources } from "#core/resource-amounts.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { servedBackends } from "../dispatch/served-backends.ts";
import { handOffWorkers } from "./hand-off-workers.ts";
import { WorkerSession } from "./session.ts";
import { SessionRegistry } from "./session-registry.ts";

const [task] = buildPlan([{ id: "t" }]).tasks;

function open(slots: readonly number[]) {
  const sessions = new SessionRegistry();
  slots.forEach((count, place) =>
    sessions.add(
      new WorkerSession({
        ...{ workerKey: place + 1, workerId: `w${place}`, sessionNumber: 1, slots: count, queues: ["default"] },
        ...{ traits: { labels: {}, operators: [], capabilities: [] }, resources: noResources, leaseMs: 600_000 },
        ...{ counts: { succeeded: 0, failed: 0 }, isAlone: () => true, offerMs: 1, clock: systemClock },
      }),
    ),
  );
  const state = { maySpare: true, freed: 0 };
  const workers = handOffWorkers({
    ...{ sessions, backends: servedBackends("stream", false), scope: () => "made_ready" },
    maySpare: () => state.maySpare,
    slotsFreed: () => {
      state.freed += 1;
    },
  });
  const take = (runKey: number): number | null => (task === undefined ? null : workers.takeSpare(runKey, task));
  return { sessions, state, workers, take };
}

test("a spare slot is one run's until it is given back, and those who wait for slots hear of it", () => {
  const { sessions, state, workers, take } = open([1, 2]);
  expect([take(7), take(7), take(8), take(8)]).toEqual([2, 1, 2, null]);
  expect(sessions.freeSlots).toBe(0);
  workers.giveBack(7);
  expect([sessions.freeSlots, state.freed]).toEqual([2, 1]);
  workers.giveBack(7);
  expect([sessions.freeSlots, state.freed]).toEqual([2, 1]);
  expect(take(8)).not.toBeNull();
});

test("nothing is spared while the dispatcher is about to fill what is free", () => {
  const { state, take } = open([1]);
  state.maySpare = false;
  expect(take(7)).toBeNull();
  state.maySpare = true;
  expect(take(7)).toBe(1);
});
