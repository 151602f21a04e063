import { expect, test, vi } from "vitest";
import type { Ticket } from "#ports/ticket-consumer.ts";
import { openMemoryBroker } from "#testing/memory-broker.ts";
import { assignment, bash, patience } from "./fake-executor.testsuite.ts";
import { useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();

const ticketOf = (taskId: string): Ticket => ({
  dagRunId: "run1",
  taskId,
  mapIndex: null,
  generation: 1,
  tryNumber: 1,
  skipHint: false,
});

function openBroker(): {
  readonly broker: ReturnType<typeof openMemoryBroker>;
  readonly publish: (...taskIds: readonly string[]) => Promise<void>;
  /** Tickets whose offset has not passed. */
  readonly keptCount: () => number;
} {
  const broker = openMemoryBroker({ queues: ["default"], partitions: 2 });
  const publisher = broker.connect();
  return {
    broker,
    publish: (...taskIds) =>
      publisher.publishTickets(
        taskIds.map((taskId) => ({ queue: "default", partition: null, ticket: ticketOf(taskId) })),
      ),
    keptCount: () => broker.read(broker.names.ticketsOf("default")).flat().length,
  };
}

test("a ticket is claimed on the session, its attempt runs, and only the answer lets its offset pass", async () => {
  const { broker, publish, keptCount } = openBroker();
  await harness.start({ bus: broker.connect() });
  const session = await harness.executor.waitForSession(1);
  await vi.waitFor(
    () =>
      expect(session.all("partitionsOwned").at(-1)?.partitions).toMatchObject([{ queue: "default" }, { partition: 1 }]),
    patience,
  );
  await publish("a");
  const { attempt } = await session.waitFor("claim");
  expect(attempt).toMatchObject({ dagRunId: "run1", taskId: "a", generation: 1, tryNumber: 1, fence: 0n });
  expect(keptCount()).toBe(1);
  const [taskId, operatorType, more] = bash("a", "true");
  const verdict = { case: "assignment", value: assignment(taskId, operatorType, more) } as const;
  if (attempt !== undefined) session.send({ case: "claimReply", value: { attempt, verdict } });
  expect(await session.waitFor("outcome")).toMatchObject({ attempt: { taskId: "a", fence: 1n } });
  await vi.waitFor(() => expect(keptCount()).toBe(0), patience);
});

test("a worker claims no more than it has slots, and goes on where a claim was dropped", async () => {
  const { broker, publish, keptCount } = openBroker();
  await harness.start({ bus: broker.connect(), slots: 2 });
  const session = await harness.executor.waitForSession(1);
  await publish("a", "b", "c", "d", "e");
  for (let count = 0; count < 5; count += 1) {
    const { attempt } = await session.waitFor("claim", count + 1);
    expect(session.all("claim").length - count).toBeLessThanOrEqual(2);
    const verdict = { case: "drop", value: { reason: "test" } } as const;
    if (attempt !== undefined) session.send({ case: "claimReply", value: { attempt, verdict } });
  }
  await vi.waitFor(() => expect(keptCount()).toBe(0), patience);
  expect(session.all("ticketReturn")).toEqual([]);
});

test("a worker that is stopped leaves its tickets to others", async () => {
  const { broker, publish } = openBroker();
  const worker = await harness.start({ bus: broker.connect(), slots: 1 });
  await harness.executor.waitForSession(1);
  await worker.stop();
  await publish("a");
  await harness.start({ bus: broker.connect(), workerId: "another" });
  const session = await harness.executor.waitForSession(2);
  expect((await session.waitFor("claim")).attempt?.taskId).toBe("a");
});
