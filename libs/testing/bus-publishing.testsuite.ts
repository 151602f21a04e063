import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { TicketSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { BusEvent } from "#ports/bus.ts";
import { type OpenBusHarness, openBusForTest, planFor } from "./bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, ticketOf, ticketsFor } from "./ticket-collector.ts";

const closeLimitMs = 1000;

/** What every bus does with what is published. */
export function describePublishing(open: OpenBusHarness): void {
  it("hands a ticket over with all its fields", async () => {
    const { bus, queue } = await openBusForTest(open);
    const collector = collectTickets(bus, [queue]);
    const ticket = ticketOf("load", { mapIndex: 0, generation: 3, tryNumber: 2, skipHint: true });
    await bus.publishTickets([
      { queue, partition: 2, ticket },
      { queue, partition: null, ticket: ticketOf("plain") },
    ]);
    await expectTasks(collector, ["load", "plain"]);
    const delivery = collector.deliveries.find((one) => one.ticket.taskId === "load");
    expect(delivery).toMatchObject({ queue, partition: 2 });
    expect(delivery?.ticket).toEqual(ticket);
    expect(collector.deliveries.find((one) => one.ticket.taskId === "plain")?.ticket).toEqual(ticketOf("plain"));
  });

  it("keeps the order within a partition, over publishes that nobody waited for", async () => {
    const { bus, queue } = await openBusForTest(open);
    const collector = collectTickets(bus, [queue]);
    const tickets = ticketsFor(queue, [1], 300);
    await Promise.all(tickets.map((ticket) => bus.publishTickets([ticket])));
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(300);
    expect(collector.taskIds()).toEqual(tickets.map(({ ticket }) => ticket.taskId));
    expect(new Set(collector.deliveries.map(({ partition }) => partition))).toEqual(new Set([1]));
  });

  it("keeps queues apart", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.ensureTopics(planFor(["gpu"], 1));
    const gpu = collectTickets(bus, ["gpu"]);
    const both = collectTickets(bus, [queue, "empty"]);
    await bus.publishTickets([...ticketsFor(queue, [0], 1, "a"), ...ticketsFor("gpu", [0], 1, "b")]);
    await expectTasks(gpu, ["b0"]);
    await expectTasks(both, ["a0"]);
  });

  it("refuses a partition that does not exist, and says which", async () => {
    const { bus, queue } = await openBusForTest(open, 3);
    await expect(bus.publishTickets(ticketsFor(queue, [3], 1))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("3"),
    });
    expect(await bus.countPartitions(queue)).toBe(3);
  });

  it("knows no partitions of a queue without a topic", async () => {
    const { bus } = await openBusForTest(open);
    expect(await bus.countPartitions("nowhere")).toBe(0);
  });

  it("refuses a queue whose name can't be a topic", async () => {
    const { bus } = await openBusForTest(open);
    await expect(bus.publishTickets(ticketsFor("a b", [0], 1))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("sends a message again as it lay in its partition, and nothing to topics of others", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const value = toBinary(TicketSchema, create(TicketSchema, { attempt: { ...ticketOf("again"), mapIndex: 4 } }));
    const message = { partition: 3, key: null, value, headers: [{ name: "ticket-version", value: bytes("1") }] };
    const collector = collectTickets(bus, [queue]);
    await bus.publishRaw({ ...message, topic: topicOf(queue) });
    await expectTasks(collector, ["again"]);
    expect(collector.deliveries[0]).toMatchObject({ partition: 3, ticket: ticketOf("again", { mapIndex: 4 }) });
    const refused = { code: "INVALID_ARGUMENT" };
    await expect(bus.publishRaw({ ...message, topic: "other.tasks.default" })).rejects.toMatchObject(refused);
    await expect(bus.publishRaw({ ...message, topic: topicOf(queue), partition: 9 })).rejects.toMatchObject(refused);
  });

  it("takes nothing as published at once", async () => {
    const { bus } = await openBusForTest(open);
    await expect(bus.publishTickets([])).resolves.toBeUndefined();
    await expect(bus.publishEvents([])).resolves.toBeUndefined();
  });

  it("carries 10,000 tickets, each once", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    let doneCount = 0;
    const collector = collectTickets(bus, [queue], {
      onTicket: ({ done }) => {
        setImmediate(() => {
          done();
          doneCount += 1;
        });
      },
    });
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 10_000));
    await expect.poll(() => doneCount, brokerLimit).toBe(10_000);
    expect(collector.deliveries).toHaveLength(10_000);
    expect(new Set(collector.taskIds()).size).toBe(10_000);
    await collector.consumer.close();
    const next = collectTickets(await openAnother(), [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 4, "marker"));
    await expectTasks(next, ["marker0", "marker1", "marker2", "marker3"]);
  });

  it("publishes events as CloudEvents, in order within a key", async () => {
    const { bus, readEvents } = await openBusForTest(open);
    const events = Array.from({ length: 20 }, (_, index) => eventOf(index, `run${index % 3}`));
    await bus.publishEvents(events);
    const read = await readEvents();
    const documents = read.map(({ value }) => JSON.parse(new TextDecoder().decode(value ?? undefined)) as BusEvent);
    for (const key of ["run0", "run1", "run2"]) {
      const ids = documents.filter((_, index) => read[index]?.key === key).map(({ id }) => id);
      expect(ids).toEqual(events.filter((event) => event.key === key).map(({ id }) => id));
      expect(new Set(read.filter((message) => message.key === key).map(({ partition }) => partition)).size).toBe(1);
    }
    expect(documents.find(({ id }) => id === "7")).toEqual({
      specversion: "1.0",
      id: "7",
      source: "/millrace",
      type: "millrace.run.ended",
      subject: "run1",
      time: "2026-01-01T00:00:00.000Z",
      datacontenttype: "application/json",
      data: { number: 7 },
    });
    expect(read[0]?.headers).toMatchObject({ "content-type": "application/cloudevents+json; charset=UTF-8" });
  });

  it("refuses an event that is too big, and sends none of its batch", async () => {
    const { bus, readEvents } = await openBusForTest(open);
    const big = { ...eventOf(2, "run"), data: { text: "x".repeat(1024 * 1024) } };
    await expect(bus.publishEvents([eventOf(1, "run"), big])).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
      details: { event_id: "2" },
    });
    await bus.publishEvents([eventOf(3, "run")]);
    expect(await readEvents()).toHaveLength(1);
  });

  it("creates missing topics once, and tells what of existing ones differs", async () => {
    const { bus, openAnother, queue, topicOf } = await openBusForTest(open, 2);
    const other = await openAnother();
    const reports = await Promise.all([bus.ensureTopics(planFor(["new"], 2)), other.ensureTopics(planFor(["new"], 2))]);
    expect(reports.flatMap(({ created }) => created)).toEqual([topicOf("new")]);
    expect(reports.flatMap(({ differences }) => differences)).toEqual([]);
    expect(await bus.ensureTopics(planFor([queue], 5))).toEqual({
      created: [],
      differences: [{ topic: topicOf(queue), setting: "partitions", wanted: "5", found: "2" }],
    });
    expect(await bus.ensureTopics(planFor([queue], 1))).toEqual({ created: [], differences: [] });
    expect(await bus.countPartitions(queue)).toBe(2);
  });

  it("tells that it is connected", async () => {
    const { openAnother } = await openBusForTest(open);
    const other = await openAnother();
    await expect.poll(() => other.state.kind, brokerLimit).toBe("connected");
  });

  it("closes within a second, with a consumer at work, and publishes nothing afterwards", async () => {
    const { openAnother, queue } = await openBusForTest(open);
    const other = await openAnother();
    const collector = collectTickets(other, [queue]);
    await other.publishTickets(ticketsFor(queue, [0, 1], 50));
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(50);
    const startedAt = performance.now();
    await other.close();
    expect(performance.now() - startedAt).toBeLessThan(closeLimitMs);
    await expect(other.publishTickets(ticketsFor(queue, [0], 1))).rejects.toMatchObject({ code: "BUS_UNAVAILABLE" });
  });
}

function eventOf(number: number, key: string): BusEvent {
  return {
    id: String(number),
    source: "/millrace",
    type: "millrace.run.ended",
    subject: key,
    time: "2026-01-01T00:00:00.000Z",
    data: { number },
    key,
  };
}
