import { createClient } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import type { RunAggregate } from "#core/run-model.ts";
import { ExecutorService, RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import type { Ticket } from "#ports/ticket-consumer.ts";
import type { RunChange, RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openMemoryBroker } from "#testing/memory-broker.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, patience } from "../fake-worker.testsuite.ts";

const chain = `id: chain
tasks: [{id: a, type: noop, operator: {}}, {id: b, type: noop, operator: {}, dependencies: [a]}]
`;

type ChangeRuns = Store["runs"]["changeRuns"];

/** Stands in for the write after which `b` is ready, once. */
type Write = (changes: readonly RunChange[], write: ChangeRuns) => Promise<readonly RunChangeResult[]>;

/** An executor whose worker has just told the end of `a`; `write` is what that meets. Nothing is found by a pick or a scan. */
async function openChain(write: Write, options: { ownsPartition?: boolean } = {}) {
  const { store } = createClockedStore(toPlan);
  let next: Write | null = null;
  let isBlind = false;
  const changeRuns: ChangeRuns = (changes) => {
    const now = next;
    next = null;
    return now === null ? store.runs.changeRuns(changes) : now(changes, (again) => store.runs.changeRuns(again));
  };
  const pickQueued: Store["runs"]["pickQueued"] = async (pick) =>
    isBlind ? { instances: [], mayBeMore: false, onlyRun: null } : store.runs.pickQueued(pick);
  const broker = openMemoryBroker({ queues: ["default"], partitions: 4 });
  const executor = await startExecutor(
    { ...store, runs: { ...store.runs, changeRuns, pickQueued } },
    { bus: broker.connect(), redispatchAfterMs: 60_000, handOff: false, scanIntervalMs: 3_600_000 },
  );
  const tickets: Ticket[] = [];
  broker.connect().consumeTickets({
    queues: ["default"],
    onTicket: ({ ticket }) => void tickets.push(ticket),
    onPartitions: () => undefined,
    onPoison: async () => undefined,
  });
  const worker = executor.connect({ workerId: "w" });
  if (options.ownsPartition !== false)
    worker.send({ case: "partitionsOwned", value: { partitions: [{ queue: "default", partition: 2 }] } });
  worker.beat([]);
  await worker.heard("heartbeatReply");
  const ticket = (place: number): Promise<Ticket> =>
    vi.waitFor(() => tickets[place] ?? Promise.reject(new Error(`${tickets.length} tickets came`)), patience);
  const runId = await executor.startRun(chain);
  claim(worker, await ticket(0));
  const first = await worker.assigned("a");
  isBlind = true;
  next = write;
  worker.succeed(first);
  const endsWell = async (): Promise<void> => {
    worker.succeed(await worker.assigned("b"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  };
  return { worker, tickets, ticket, endsWell };
}

function claim(worker: FakeWorker, { dagRunId, taskId, generation, tryNumber }: Ticket): void {
  worker.send({ case: "claim", value: { attempt: { dagRunId, taskId, generation, tryNumber } } });
}

/** A write that is answered when it is told to be. */
function heldAnswer() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const write: Write = async (changes, change) => {
    const results = await change(changes);
    await promise;
    return results;
  };
  return { write, answer: resolve };
}

describe("the ticket of what a write makes ready", () => {
  it("travels while the write is under way, and its claim waits for the commit", async () => {
    const { write, answer } = heldAnswer();
    const { worker, tickets, ticket, endsWell } = await openChain(write);
    claim(worker, await ticket(1));
    worker.beat([]);
    await worker.heard("heartbeatReply", ({ sequence }) => sequence > 1n);
    expect(worker.assignments.map(({ attempt }) => attempt?.taskId)).toEqual(["a"]);
    answer();
    await endsWell();
    expect(tickets.map(({ taskId }) => taskId)).toEqual(["a", "b"]);
  });

  it("does not go twice when it is still under way after the commit", async () => {
    const { write, answer } = heldAnswer();
    const { worker, tickets, ticket, endsWell } = await openChain(write);
    const announced = await ticket(1);
    answer();
    await worker.heard("outcomeAck");
    expect(tickets).toHaveLength(2);
    claim(worker, announced);
    await endsWell();
    expect(tickets).toHaveLength(2);
  });

  it("goes once more after the commit when the worker handed it back before", async () => {
    const { write, answer } = heldAnswer();
    const { worker, ticket, endsWell } = await openChain(write);
    const { dagRunId, taskId, generation, tryNumber } = await ticket(1);
    const attempt = { dagRunId, taskId, generation, tryNumber };
    worker.send({ case: "ticketReturn", value: { attempt, reason: "test" } });
    worker.beat([]);
    await worker.heard("heartbeatReply", ({ sequence }) => sequence > 1n);
    answer();
    const again = await ticket(2);
    expect(again).toEqual(await ticket(1));
    claim(worker, again);
    await endsWell();
  });

  it("is good for the write that is tried again", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy: Write = async (changes, change) => {
      for (const { runKey, decide } of changes) decide(await read(change, runKey), { lacksRoom: false });
      await promise;
      return changes.map(() => ({ kind: "busy" }));
    };
    const { worker, tickets, ticket, endsWell } = await openChain(busy);
    claim(worker, await ticket(1));
    worker.beat([]);
    await worker.heard("heartbeatReply", ({ sequence }) => sequence > 1n);
    resolve();
    await endsWell();
    expect(tickets).toHaveLength(2);
  });

  it("is of the version that a rerun gives the run with the same write", async () => {
    const { store } = createClockedStore(toPlan);
    const broker = openMemoryBroker({ queues: ["default", "gpu"], partitions: 4 });
    const executor = await startExecutor(store, { bus: broker.connect(), handOff: false, scanIntervalMs: 3_600_000 });
    const worker = executor.connect({ workerId: "w" });
    worker.send({ case: "partitionsOwned", value: { partitions: [{ queue: "default", partition: 2 }] } });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const runId = await executor.startRun("id: etl\ntasks: [{id: a, type: noop, operator: {}}]\n");
    const tickets: Ticket[] = [];
    broker.connect().consumeTickets({
      queues: ["default", "gpu"],
      onTicket: ({ ticket }) => {
        tickets.push(ticket);
        claim(worker, ticket);
      },
      onPartitions: () => undefined,
      onPoison: async () => undefined,
    });
    worker.succeed(await worker.assigned("a"));
    await executor.ended(runId);
    await executor.register(`id: etl
tasks: [{id: b, type: noop, operator: {}, queue: gpu}, {id: a, type: noop, operator: {}, dependencies: [b]}]
`);
    const value = { from: RerunFrom.ALL, latestVersion: true };
    const client = createClient(ExecutorService, executor.transport);
    await client.repairRun({ dagRunId: runId, caller: "ops", note: "", action: { case: "rerun", value } });
    worker.beat([]);
    await worker.heard("heartbeatReply", ({ sequence }) => sequence > 1n);
    // Nobody here takes `b`; the place that it has in this version was that of `a` before.
    expect(tickets.map(({ taskId }) => taskId)).toEqual(["a"]);
  });

  it("waits for the commit where the worker's partitions are unknown: another executor's might get it", async () => {
    const { write, answer } = heldAnswer();
    const { worker, tickets, ticket, endsWell } = await openChain(write, { ownsPartition: false });
    worker.beat([]);
    await worker.heard("heartbeatReply", ({ sequence }) => sequence > 1n);
    expect(tickets).toHaveLength(1);
    answer();
    claim(worker, await ticket(1));
    await endsWell();
  });
});

/** A run as the store has it. */
async function read(changeRuns: ChangeRuns, runKey: number): Promise<RunAggregate> {
  const [result] = await changeRuns([{ runKey, decide: () => null }]);
  if (result?.kind !== "unchanged") throw new Error("no such run");
  return result.run;
}
