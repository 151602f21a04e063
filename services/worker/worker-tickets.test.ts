import { expect, test, vi } from "vitest";
import type { AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";
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

const poison = { key: "k", value: new Uint8Array([255, 255]), partition: 1, headers: { "ticket-version": "1" } };

function appendPoison({ broker }: ReturnType<typeof openBroker>, count = 1): void {
  broker.append(
    broker.names.ticketsOf("default"),
    Array.from({ length: count }, () => poison),
  );
}

test("poison is reported with all that is known of it, and its offset passes when the executor has it (G12)", async () => {
  const opened = openBroker();
  await harness.start({ bus: opened.broker.connect() });
  const session = await harness.executor.waitForSession(1);
  appendPoison(opened);
  const report = await session.waitFor("poisonReport");
  const place = { topic: "millrace.tasks.default", partition: 1, offset: 0n };
  expect(report).toMatchObject({ ...place, size: 2n, isCut: false });
  expect(report.reason).toMatch(/no millrace\.v1\.Ticket/);
  expect([Buffer.from(report.key ?? []).toString(), [...(report.value ?? [])]]).toEqual(["k", [255, 255]]);
  expect(report.headers.map(({ name, value }) => [name, Buffer.from(value).toString()])).toEqual([
    ["ticket-version", "1"],
  ]);
  await opened.publish("behind");
  expect((await session.waitFor("claim")).attempt?.taskId).toBe("behind");
  expect(opened.keptCount()).toBe(2);
  session.send({ case: "claimReply", value: { attempt: session.all("claim")[0]?.attempt as AttemptRef } });
  session.send({ case: "poisonAck", value: place });
  await vi.waitFor(() => expect(opened.keptCount()).toBe(0), patience);
});

test("a report that was not acknowledged is sent again on the next session", async () => {
  const opened = openBroker();
  await harness.start({ bus: opened.broker.connect() });
  const first = await harness.executor.waitForSession(1);
  appendPoison(opened);
  const report = await first.waitFor("poisonReport");
  first.end();
  const second = await harness.executor.waitForSession(2);
  const again = await second.waitFor("poisonReport");
  expect(again).toEqual(report);
  const { topic, partition, offset } = again;
  second.send({ case: "poisonAck", value: { topic, partition, offset } });
  await vi.waitFor(() => expect(opened.keptCount()).toBe(0), patience);
  expect(second.all("poisonReport")).toHaveLength(1);
});

test("a flood of poison is reported a few at a time", async () => {
  const opened = openBroker();
  await harness.start({ bus: opened.broker.connect() });
  const session = await harness.executor.waitForSession(1);
  appendPoison(opened, 50);
  for (let count = 1; count <= 50; count += 1) {
    const { topic, partition, offset } = await session.waitFor("poisonReport", count);
    expect(session.all("poisonReport").length - count).toBeLessThan(8);
    session.send({ case: "poisonAck", value: { topic, partition, offset } });
  }
  await vi.waitFor(() => expect(opened.keptCount()).toBe(0), patience);
});
