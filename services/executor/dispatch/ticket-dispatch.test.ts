import { describe, expect, it, vi } from "vitest";
import type { Assignment, AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { TicketDelivery } from "#ports/ticket-consumer.ts";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { claim as claimInStore } from "#testing/store-driver.ts";
import { openMemoryBroker } from "#testing/memory-broker.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, patience, refOf } from "../fake-worker.testsuite.ts";

const single = "id: single\ntasks: [{id: a, type: noop, operator: {}}]\n";
const redispatchAfterMs = 60_000;

const oneOf = (dag: number): string => `id: dag${dag}\ntasks: [{id: a, type: noop, operator: {}}]\n`;

function wide(count: number): string {
  const tasks = Array.from({ length: count }, (_, place) => `  - {id: t${place}, type: noop, operator: {}}`);
  return `id: wide\ntasks:\n${tasks.join("\n")}\n`;
}

interface Cluster {
  readonly store: Store;
  readonly advance: (ms: number) => void;
  readonly broker: ReturnType<typeof openMemoryBroker>;
  readonly executor: ExecutorHarness;
  /** What the one consumer of the queue got. */
  readonly tickets: TicketDelivery[];
}

/** A store of which another executor takes what a pick has just found. */
function createContestedStore() {
  const { store, advance } = createClockedStore(toPlan);
  const taken: number[] = [];
  let isArmed = false;
  const pickQueued: Store["runs"]["pickQueued"] = async (options) => {
    const picked = await store.runs.pickQueued(options);
    for (const { runKey, ordinal } of isArmed ? picked.instances : []) {
      isArmed = false;
      taken.push(await claimInStore(store, runKey, ordinal, 99));
    }
    return picked;
  };
  const rivals = { taken, takeNextPick: () => void (isArmed = true) };
  return { store: { ...store, runs: { ...store.runs, pickQueued } }, advance, rivals };
}

async function assignmentOf(worker: FakeWorker, place: number): Promise<Assignment> {
  return vi.waitFor(() => worker.assignments[place] ?? Promise.reject(new Error("nothing came")), patience);
}

async function startCluster(
  options: {
    queues?: readonly string[];
    redispatchAfterMs?: number;
    handOff?: boolean;
    scanIntervalMs?: number;
    clocked?: ReturnType<typeof createClockedStore>;
  } = {},
): Promise<Cluster> {
  const { store, advance } = options.clocked ?? createClockedStore(toPlan);
  const broker = openMemoryBroker({ queues: options.queues ?? ["default"], partitions: 4 });
  const executor = await startExecutor(store, {
    bus: broker.connect(),
    redispatchAfterMs: options.redispatchAfterMs ?? redispatchAfterMs,
    // What finds a free slot at once would need no ticket.
    handOff: options.handOff ?? false,
    ...(options.scanIntervalMs === undefined ? {} : { scanIntervalMs: options.scanIntervalMs }),
  });
  const tickets: TicketDelivery[] = [];
  broker.connect().consumeTickets({
    queues: ["default"],
    onTicket: (delivery) => void tickets.push(delivery),
    onPartitions: () => undefined,
    onPoison: async () => undefined,
  });
  return { store, advance, broker, executor, tickets };
}

async function ticketOf({ tickets }: Cluster, place = 0): Promise<TicketDelivery> {
  return vi.waitFor(() => tickets[place] ?? Promise.reject(new Error(`${tickets.length} tickets came`)), patience);
}

function claim(worker: FakeWorker, { ticket }: Pick<TicketDelivery, "ticket">): void {
  const { dagRunId, taskId, generation, tryNumber } = ticket;
  worker.send({ case: "claim", value: { attempt: { dagRunId, taskId, generation, tryNumber } } });
}

/** Why the claim of this task was dropped. */
async function dropReason(worker: FakeWorker, taskId = "a"): Promise<string> {
  const { verdict } = await worker.heard(
    "claimReply",
    (reply) => reply.attempt?.taskId === taskId && reply.verdict.case === "drop",
  );
  return verdict.case === "drop" ? verdict.value.reason : "";
}

describe("an executor with tickets", () => {
  it("offers an attempt on a partition that its worker owns, and answers the claim with it", async () => {
    const cluster = await startCluster();
    const worker = cluster.executor.connect({ workerId: "w" });
    worker.send({ case: "partitionsOwned", value: { partitions: [{ queue: "default", partition: 2 }] } });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const runId = await cluster.executor.startRun(single);
    const delivery = await ticketOf(cluster);
    expect(delivery.partition).toBe(2);
    expect(delivery.ticket).toEqual({
      dagRunId: runId,
      taskId: "a",
      mapIndex: null,
      generation: 1,
      tryNumber: 1,
      skipHint: false,
    });
    expect(worker.assignments).toEqual([]);
    claim(worker, delivery);
    const assignment = await worker.assigned("a");
    expect(worker.received.map((message) => message.case)).not.toContain("assignment");
    worker.succeed(assignment);
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("hands the only run that waits on to free slots, at once and as they come free, without tickets", async () => {
    const cluster = await startCluster({ handOff: true });
    const worker = cluster.executor.connect({ workerId: "w", slots: 2 });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const runId = await cluster.executor.startRun(wide(9));
    for (let place = 0; place < 9; place += 1) worker.succeed(await worker.assigned(`t${place}`));
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
    expect(cluster.tickets).toEqual([]);
  });

  it("offers what an outcome makes ready at once, without a pick, and stamps it if nobody claims it soon", async () => {
    const { store, advance } = createClockedStore(toPlan);
    let isBlind = false;
    const pickQueued: Store["runs"]["pickQueued"] = async (options) =>
      isBlind ? { instances: [], mayBeMore: false, onlyRun: null } : store.runs.pickQueued(options);
    const clocked = { store: { ...store, runs: { ...store.runs, pickQueued } }, advance };
    const cluster = await startCluster({ clocked, scanIntervalMs: 3_600_000 });
    const worker = cluster.executor.connect({ workerId: "w" });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const chain = "tasks: [{id: a, type: noop, operator: {}}, {id: b, type: noop, operator: {}, dependencies: [a]}]";
    const runId = await cluster.executor.startRun(`id: chain\n${chain}\n`);
    claim(worker, await ticketOf(cluster));
    const first = await worker.assigned("a");
    isBlind = true;
    worker.succeed(first);
    const delivery = await ticketOf(cluster, 1);
    expect(delivery.ticket).toMatchObject({ dagRunId: runId, taskId: "b", tryNumber: 1 });
    const pick = { queues: ["default"], backends: [null], limit: 10, redispatchAfterMs };
    await expect.poll(async () => (await store.runs.pickQueued(pick)).instances).toEqual([]);
    claim(worker, delivery);
    worker.succeed(await worker.assigned("b"));
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("does not pick what its ticket is out for, though the store does not know", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const stampDispatched: Store["runs"]["stampDispatched"] = async (instances, ageMs) =>
      instances.some(({ ordinal }) => ordinal === 1)
        ? new Promise(() => undefined)
        : store.runs.stampDispatched(instances, ageMs);
    const clocked = { store: { ...store, runs: { ...store.runs, stampDispatched } }, advance };
    const cluster = await startCluster({ clocked, scanIntervalMs: 3_600_000 });
    const worker = cluster.executor.connect({ workerId: "w", slots: 2 });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const chain = "tasks: [{id: a, type: noop, operator: {}}, {id: b, type: noop, operator: {}, dependencies: [a]}]";
    const runId = await cluster.executor.startRun(`id: chain\n${chain}\n`);
    claim(worker, await ticketOf(cluster));
    worker.succeed(await worker.assigned("a"));
    const delivery = await ticketOf(cluster, 1);
    // What comes later is picked; what is out is found by the same pick.
    await cluster.executor.startRun(oneOf(1));
    expect((await ticketOf(cluster, 2)).ticket.taskId).toBe("a");
    claim(worker, delivery);
    worker.succeed(await worker.assigned("b"));
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
    expect(cluster.tickets).toHaveLength(3);
  });

  it("needs no ticket for what waits of several runs, while nobody else takes it", async () => {
    const cluster = await startCluster({ handOff: true });
    const worker = cluster.executor.connect({ workerId: "w", slots: 1 });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const runs = [await cluster.executor.startRun(wide(2)), await cluster.executor.startRun(single)];
    worker.succeed(await worker.assigned("t0"));
    for (const place of [1, 2]) worker.succeed(await assignmentOf(worker, place));
    for (const runId of runs) expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
    expect(cluster.tickets).toEqual([]);
  });

  it("offers by tickets what waits of several runs where another executor takes the same", async () => {
    const { store, advance, rivals } = createContestedStore();
    const cluster = await startCluster({ handOff: true, clocked: { store, advance } });
    const worker = cluster.executor.connect({ workerId: "w", slots: 1 });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    for (let count = 0; count < 4; count += 1) await cluster.executor.startRun(oneOf(count));
    const held = await assignmentOf(worker, 0);
    rivals.takeNextPick();
    worker.succeed(held);
    claim(worker, await ticketOf(cluster));
    worker.succeed(await assignmentOf(worker, 1));
    expect(rivals.taken).toHaveLength(1);
  });

  it("has no more tickets out than its workers have slots", async () => {
    const cluster = await startCluster();
    const worker = cluster.executor.connect({ workerId: "w", slots: 2 });
    const runId = await cluster.executor.startRun(wide(5));
    for (let done = 0; done < 5; done += 1) {
      const delivery = await ticketOf(cluster, done);
      expect(cluster.tickets.length - done).toBeLessThanOrEqual(2);
      claim(worker, delivery);
      worker.succeed(await worker.assigned(delivery.ticket.taskId));
    }
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
    expect(cluster.tickets).toHaveLength(5);
  });

  it("gives an attempt to the first who claims it, tells that one again, and drops the claims of others (G3)", async () => {
    const cluster = await startCluster();
    const [first, second] = [1, 2].map((number) => cluster.executor.connect({ workerId: `w${number}` }));
    if (first === undefined || second === undefined) throw new Error("two workers");
    await second.heard("welcome");
    await cluster.executor.startRun(single);
    const delivery = await ticketOf(cluster);
    claim(first, delivery);
    const assignment = await first.assigned("a");
    claim(second, delivery);
    expect(await dropReason(second)).toBe("illegal_state");
    claim(first, delivery);
    await vi.waitFor(() => expect(first.assignments).toEqual([assignment, assignment]), patience);
    first.succeed(assignment);
    await first.heard("outcomeAck");
    claim(first, delivery);
    expect(await dropReason(first)).toBe("illegal_state");
  });

  it("sends over a session what nobody claims in time (G2)", async () => {
    const cluster = await startCluster({ redispatchAfterMs: 50 });
    const worker = cluster.executor.connect({ workerId: "w", slots: 1 });
    await cluster.executor.startRun(single);
    const delivery = await ticketOf(cluster);
    cluster.advance(50);
    const assignment = await worker.assigned("a");
    claim(worker, delivery);
    await vi.waitFor(() => expect(worker.assignments).toEqual([assignment, assignment]), patience);
    expect(cluster.tickets).toHaveLength(1);
  });

  it("sends over a session what a worker hands back", async () => {
    const cluster = await startCluster();
    const worker = cluster.executor.connect({ workerId: "w" });
    await cluster.executor.startRun(single);
    const { ticket } = await ticketOf(cluster);
    const { dagRunId, taskId } = ticket;
    const attempt = { dagRunId, taskId, generation: 1, tryNumber: 1 };
    worker.send({ case: "ticketReturn", value: { attempt, reason: "test" } });
    expect(refOf(await worker.assigned("a"))).toMatchObject(attempt);
    expect(cluster.tickets).toHaveLength(1);
  });

  it("answers the claim of a ticket that another executor published", async () => {
    const cluster = await startCluster();
    cluster.executor.connect({ workerId: "w", slots: 1 });
    const other = await startExecutor(cluster.store, { executorId: "executor-2" });
    await cluster.executor.startRun(single);
    const delivery = await ticketOf(cluster);
    const worker = other.connect({ workerId: "w2" });
    await worker.heard("welcome");
    claim(worker, delivery);
    expect(refOf(await worker.assigned("a"))).toMatchObject({ taskId: "a", fence: 1n });
  });

  it("drops the claim of a paused run, and dispatches it again once the run goes on", async () => {
    const cluster = await startCluster();
    const worker = cluster.executor.connect({ workerId: "w" });
    const runId = await cluster.executor.startRun(single);
    const delivery = await ticketOf(cluster);
    await cluster.executor.setPaused(runId, true);
    claim(worker, delivery);
    expect(await dropReason(worker)).toBe("paused");
    await cluster.executor.setPaused(runId, false);
    await worker.assigned("a");
  });

  it.each([
    ["no such run", { dagRunId: "nothing" }],
    ["no such task", { taskId: "nothing" }],
    ["an item of a task that has none", { mapIndex: 3 }],
    ["another try", { tryNumber: 7 }],
    ["an earlier generation", { generation: 0 }],
  ])(
    "drops the claim of %s",
    async (_what, wrong: Partial<
      Pick<AttemptRef, "dagRunId" | "taskId" | "mapIndex" | "tryNumber" | "generation">
    >) => {
      const cluster = await startCluster();
      const worker = cluster.executor.connect({ workerId: "w" });
      await cluster.executor.startRun(single);
      const { ticket } = await ticketOf(cluster);
      const { dagRunId, taskId } = ticket;
      const attempt = { dagRunId, taskId, generation: 1, tryNumber: 1, ...wrong };
      worker.send({ case: "claim", value: { attempt } });
      expect(await dropReason(worker, attempt.taskId)).not.toBe("");
      claim(worker, { ticket });
      await worker.assigned("a");
    },
  );
});

describe("without a bus that takes tickets, everything goes over the sessions (G15):", () => {
  it("while it is away, until it is back", async () => {
    const cluster = await startCluster();
    const worker = cluster.executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    cluster.broker.setDown("gone for a test");
    await cluster.executor.startRun(single);
    await worker.assigned("a");
    expect(cluster.tickets).toEqual([]);
    cluster.broker.setDown(null);
    await cluster.executor.startRun(wide(1));
    expect((await ticketOf(cluster)).ticket.taskId).toBe("t0");
  });

  it("when a publish is refused", async () => {
    const cluster = await startCluster({ queues: [] });
    const worker = cluster.executor.connect({ workerId: "w" });
    const runId = await cluster.executor.startRun(wide(3));
    for (const task of ["t0", "t1", "t2"]) worker.succeed(await worker.assigned(task));
    expect(await cluster.executor.ended(runId)).toMatchObject({ state: "success" });
  });
});
