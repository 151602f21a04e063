import { createClient } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openMemoryBroker } from "#testing/memory-broker.ts";
import type { DeadLetter } from "#ports/dead-letter-store.ts";
import type { Store } from "#ports/store.ts";
import { fromConnectError } from "#rpc/connect-error.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, patience } from "../fake-worker.testsuite.ts";

const topic = "millrace.tasks.default";
const report = { topic, partition: 1, reason: "it has no value", size: 2n, isCut: false };
const bytes = { key: new Uint8Array([0, 9]), value: new Uint8Array([255, 255]) };
const headers = [{ name: "ticket-version", value: Buffer.from("7") }];

interface Opened {
  readonly store: Store;
  readonly executor: ExecutorHarness;
  readonly worker: FakeWorker;
  readonly broker: ReturnType<typeof openMemoryBroker>;
}

async function open(options: { hasBus?: boolean } = {}): Promise<Opened> {
  const { store } = createClockedStore(toPlan);
  const broker = openMemoryBroker({ queues: ["default"], partitions: 2 });
  const executor = await startExecutor(store, options.hasBus === false ? {} : { bus: broker.connect() });
  const worker = executor.connect({ workerId: "w" });
  await worker.heard("welcome");
  return { store, executor, worker, broker };
}

async function parkedIn(store: Store): Promise<readonly DeadLetter[]> {
  const { items } = await store.deadLetters.list({ limit: 100, cursor: null, sort: null }, { topic: null });
  const found = await Promise.all(items.map(({ deadLetterKey }) => store.deadLetters.find(deadLetterKey)));
  return found.flatMap((letter) => letter ?? []);
}

/** Parks one message and answers its id. */
async function park({ worker, store }: Opened, change: object = {}): Promise<string> {
  const value = { ...report, ...bytes, headers, offset: 7n, ...change };
  worker.send({ case: "poisonReport", value });
  await worker.heard("poisonAck", (ack) => ack.offset === value.offset);
  return String((await parkedIn(store))[0]?.deadLetterKey);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (thrown: unknown) => fromConnectError(thrown).code,
  );
}

describe("a report of poison (G12)", () => {
  it("is stored byte for byte before it is acknowledged, and acknowledged again when it comes again", async () => {
    const opened = await open();
    await park(opened);
    const [letter] = await parkedIn(opened.store);
    const facts = { topic, partition: 1, offset: 7, reason: "it has no value", reportedBy: "w", isCut: false };
    expect(letter).toMatchObject(facts);
    expect([letter?.key, letter?.value].map((part) => [...(part ?? [])])).toEqual([
      [0, 9],
      [255, 255],
    ]);
    expect(letter?.headers.map(({ name, value }) => [name, ...value])).toEqual([["ticket-version", 55]]);
    opened.worker.send({ case: "poisonReport", value: { ...report, offset: 7n } });
    await vi.waitFor(
      () => expect(opened.worker.received.filter((message) => message.case === "poisonAck")).toHaveLength(2),
      patience,
    );
    expect(await parkedIn(opened.store)).toHaveLength(1);
  });

  it("of a topic that is none of the worker's queues is refused", async () => {
    const { worker, store } = await open();
    for (const wrong of ["millrace.events", "millrace.tasks.gpu", "a/b.tasks.default", ""])
      worker.send({ case: "poisonReport", value: { ...report, topic: wrong, offset: 1n } });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    expect(await parkedIn(store)).toEqual([]);
    expect(worker.received.map((message) => message.case)).not.toContain("poisonAck");
  });

  it("that holds more than is kept is cut, and says so", async () => {
    const opened = await open();
    await park(opened, { value: new Uint8Array(70_000), size: 70_000n, reason: "x".repeat(5000) });
    const [letter] = await parkedIn(opened.store);
    expect(letter).toMatchObject({ isCut: true, size: 70_000 });
    expect([letter?.value?.length, letter?.reason.length]).toEqual([65_536, 1000]);
  });
});

describe("a dead letter", () => {
  it("is replayed to its partition as it was, once", async () => {
    const opened = await open();
    const id = await park(opened);
    const client = createClient(ExecutorService, opened.executor.transport);
    await client.replayDeadLetter({ id, caller: "me" });
    const [sent] = opened.broker.read(topic)[1] ?? [];
    expect([[...(sent?.key ?? [])], [...(sent?.value ?? [])]]).toEqual([
      [0, 9],
      [255, 255],
    ]);
    expect(sent?.allHeaders.map(({ name, value }) => [name, Buffer.from(value).toString()])).toEqual([
      ["ticket-version", "7"],
    ]);
    expect((await parkedIn(opened.store))[0]?.replayedAt).toEqual(expect.any(Number));
    expect(await codeOf(client.replayDeadLetter({ id }))).toBe("DEAD_LETTER_NOT_REPLAYABLE");
    expect(opened.broker.read(topic)[1]).toHaveLength(1);
  });

  it("stays as it is where it can't be replayed: cut, without a bus, or with one that is away", async () => {
    const opened = await open();
    const client = createClient(ExecutorService, opened.executor.transport);
    const cut = await park(opened, { isCut: true });
    expect(await codeOf(client.replayDeadLetter({ id: cut }))).toBe("DEAD_LETTER_NOT_REPLAYABLE");
    await client.dropDeadLetter({ id: cut, reason: "test" });
    const id = await park(opened, { offset: 8n });
    opened.broker.setDown("gone for a test");
    expect(await codeOf(client.replayDeadLetter({ id }))).toBe("BUS_UNAVAILABLE");
    expect((await parkedIn(opened.store))[0]?.replayedAt).toBeNull();
    const bare = await open({ hasBus: false });
    const bareClient = createClient(ExecutorService, bare.executor.transport);
    expect(await codeOf(bareClient.replayDeadLetter({ id: await park(bare) }))).toBe("BUS_NOT_CONFIGURED");
  });

  it("is dropped once; one that is unknown is not found", async () => {
    const opened = await open();
    const id = await park(opened);
    const client = createClient(ExecutorService, opened.executor.transport);
    await client.dropDeadLetter({ id, caller: "me", reason: "a test" });
    expect(await parkedIn(opened.store)).toEqual([]);
    for (const unknown of [id, "nothing", "", "9".repeat(30)]) {
      expect(await codeOf(client.dropDeadLetter({ id: unknown }))).toBe("DEAD_LETTER_NOT_FOUND");
      expect(await codeOf(client.replayDeadLetter({ id: unknown }))).toBe("DEAD_LETTER_NOT_FOUND");
    }
  });
});
