import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { noResources } from "#core/resource-amounts.ts";
import { type AttemptRef, AttemptRefSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { createClockedStore } from "#testing/clocked-store.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { change, startRun } from "#testing/store-driver.ts";
import type { Submission } from "../runs/turn.ts";
import { handOffWorkers } from "../sessions/hand-off-workers.ts";
import { WorkerSession } from "../sessions/session.ts";
import { SessionRegistry } from "../sessions/session-registry.ts";
import { Reservations } from "./reservations.ts";
import { servedBackends } from "./served-backends.ts";

const gpus = (count: number) => ({ ...noResources, gpus: count });

/** Workers of two GPUs each, on a store whose clock stands, and what was claimed for them. */
function open(workerKeys: readonly number[]) {
  const { store, advance } = createClockedStore(planOfSpec);
  const backends = servedBackends("stream", false);
  const sessions = new SessionRegistry();
  const claims: Submission[] = [];
  for (const workerKey of workerKeys)
    sessions.add(
      new WorkerSession({
        ...{ workerKey, workerId: `w${workerKey}`, sessionNumber: 1, slots: 4, queues: ["default"] },
        ...{ traits: { labels: {}, operators: [], capabilities: [] }, resources: gpus(2), leaseMs: 600_000 },
        ...{ counts: { succeeded: 0, failed: 0 }, isAlone: () => true, offerMs: 1, clock: systemClock },
      }),
    );
  const reservations = new Reservations({
    ...{ store, clock: systemClock, sessions, backends, redispatchAfterMs: 1, claiming: () => undefined },
    reserveAfterMs: 0,
    async submit(submission) {
      claims.push(submission);
      return { kind: "missing" };
    },
  });
  const reserved = () => sessions.all().map(({ reservedFor }) => reservedFor?.ordinal ?? null);
  return { store, advance, sessions, backends, reservations, claims, reserved };
}

const smallOnes = ["s0", "s1"].map((id) => ({ id, requests: gpus(1) }));
const big = { id: "big", requests: gpus(2) };

test("the worker that lacks least is kept for what waits too long, until it has room, and takes nothing else", async () => {
  const { store, sessions, backends, reservations, claims, reserved } = open([1, 2]);
  const { runKey } = await startRun(store, [big]);
  const [busy, freer] = [sessions.get(1), sessions.get(2)];
  busy?.hold(9, 0, refOf("a"), gpus(2));
  freer?.hold(9, 1, refOf("b"), gpus(1));
  await reservations.keep();
  expect(reserved()).toEqual([null, 0]);
  expect([busy?.room, freer?.room]).toEqual([gpus(0), noResources]);
  const [task] = buildPlan([{ id: "t" }]).tasks;
  const workers = handOffWorkers({
    ...{ sessions, backends, scope: () => "made_ready", maySpare: () => true, slotsFreed: () => undefined },
  });
  expect([1, 2].map((workerKey) => task !== undefined && workers.accepts(workerKey, task))).toEqual([true, false]);
  expect(claims).toEqual([]);
  freer?.forget(refOf("b"));
  await reservations.keep();
  expect(claims).toMatchObject([{ runKey, event: { kind: "claim", ordinal: 0, workerKey: 2 } }]);
  expect(reserved()).toEqual([null, null]);
});

test("of what waits, the oldest has a worker kept; no second worker of the same work is, and none where nothing is taken", async () => {
  const { store, advance, sessions, reservations, reserved } = open([1, 2]);
  await startRun(store, [big]);
  await reservations.keep();
  expect(reserved()).toEqual([null, null]);
  advance(1);
  await startRun(store, [
    { id: "first", priority: 5 },
    { ...big, priority: 5 },
  ]);
  for (const session of sessions.all()) session.hold(9, session.workerKey, refOf("a"), gpus(1));
  await reservations.keep();
  expect(reserved()).toEqual([0, null]);
});

test("a worker is kept no longer than what it is kept for waits, and than it takes work", async () => {
  const { store, sessions, reservations, reserved } = open([1]);
  const { runKey } = await startRun(store, [...smallOnes, big]);
  sessions.get(1)?.hold(9, 0, refOf("a"), gpus(2));
  await reservations.keep();
  expect(reserved()).toEqual([0]);
  await change(store, runKey, [{ kind: "cancel", reason: "test" }]);
  await reservations.keep();
  expect(reserved()).toEqual([null]);
  await startRun(store, [big]);
  await reservations.keep();
  expect(reserved()).toEqual([0]);
  sessions.get(1)?.orderDrain("test");
  await reservations.keep();
  expect(reserved()).toEqual([null]);
});

function refOf(taskId: string): AttemptRef {
  return create(AttemptRefSchema, { dagRunId: "r", taskId, fence: 1n });
}
