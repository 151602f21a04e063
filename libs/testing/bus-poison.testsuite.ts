import { expect, it } from "vitest";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";
import { type OpenBusHarness, openBusForTest, type RawMessage } from "./bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, ticketsFor } from "./ticket-collector.ts";

const versionOne = { "ticket-version": "1" };
const garbage = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

const poisons: readonly (RawMessage & { readonly name: string; readonly says: RegExp })[] = [
  { name: "undecodable", value: garbage, headers: versionOne, says: /no millrace\.v1\.Ticket/ },
  { name: "of another version", value: garbage, headers: { "ticket-version": "7" }, says: /is "7"/ },
  { name: "without a version", value: garbage, headers: {}, says: /no header ticket-version/ },
  { name: "empty", value: new Uint8Array(), headers: versionOne, says: /no value/ },
  { name: "deleted", value: null, headers: versionOne, says: /no value/ },
  { name: "too big", value: new Uint8Array(100_000), headers: versionOne, says: /100000 bytes/ },
  {
    name: "of another message",
    value: new TextEncoder().encode("\x10\x01"),
    headers: versionOne,
    says: /without an attempt/,
  },
];

/** Messages that are no tickets harm nobody (G12). */
export function describePoison(open: OpenBusHarness): void {
  it.each(poisons)("parks a message that is $name, and goes on behind it", async ({ value, headers, says }) => {
    const { bus, queue, append, topicOf } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [2], 1, "before"));
    await append(queue, 2, { value, headers });
    await bus.publishTickets(ticketsFor(queue, [2], 1, "after"));
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => done() });
    await expectTasks(collector, ["before0", "after0"]);
    await expect.poll(() => collector.poisons.length, brokerLimit).toBe(1);
    const [poison] = collector.poisons;
    expect(poison).toMatchObject({
      topic: topicOf(queue),
      partition: 2,
      offset: 1,
      size: value?.length ?? 0,
      isCut: (value?.length ?? 0) > 65_536,
    });
    expect(poison?.reason).toMatch(says);
    expect(Buffer.from(poison?.value ?? [])).toEqual(Buffer.from((value ?? new Uint8Array()).subarray(0, 65_536)));
    await collector.consumer.close();
    const next = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [2], 1, "marker"));
    await expectTasks(next, ["marker0"]);
    expect(next.poisons).toEqual([]);
  });

  it("hands on key and headers byte for byte, and says when something is left out", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open);
    const collector = collectTickets(bus, [queue]);
    const place = { topic: topicOf(queue), partition: 1 };
    const headers = [
      { name: "odd", value: new Uint8Array([255, 0]) },
      { name: "odd", value: new Uint8Array() },
    ];
    await bus.publishRaw({ ...place, key: new Uint8Array([0, 254]), value: garbage, headers });
    await bus.publishRaw({ ...place, key: new Uint8Array(5000), value: null, headers });
    await bus.publishRaw({
      ...place,
      key: null,
      value: null,
      headers: [{ name: "long", value: new Uint8Array(20_000) }],
    });
    await expect.poll(() => collector.poisons.length, brokerLimit).toBe(3);
    const [whole, ...cut] = collector.poisons;
    expect([Buffer.from(whole?.key ?? []), Buffer.from(whole?.value ?? [])]).toEqual([
      Buffer.from([0, 254]),
      Buffer.from(garbage),
    ]);
    expect(whole?.headers.map(({ name, value }) => [name, ...value])).toEqual([["odd", 255, 0], ["odd"]]);
    expect(whole).toMatchObject({ isCut: false, partition: 1, offset: 0 });
    expect(cut).toMatchObject([
      { key: null, value: null, size: 0, isCut: true },
      { key: null, headers: [], isCut: true },
    ]);
  });

  it("holds the offset until the message is parked, while tickets go on", async () => {
    const { bus, queue, append } = await openBusForTest(open);
    const never = collectTickets(bus, [queue], {
      onTicket: ({ done }) => done(),
      onPoison: () => new Promise(() => undefined),
    });
    await append(queue, 0, { value: garbage, headers: versionOne });
    await bus.publishTickets(ticketsFor(queue, [0], 2));
    await expectTasks(never, ["t0", "t1"]);
    await never.consumer.close();
    const next = collectTickets(bus, [queue]);
    await expectTasks(next, ["t0", "t1"]);
    expect(next.poisons).toHaveLength(1);
  });

  it("offers a message that could not be parked again, until it is", async () => {
    const { bus, queue, append } = await openBusForTest(open);
    let failures = 2;
    const onPoison = async (_: PoisonMessage): Promise<void> => {
      failures -= 1;
      if (failures >= 0) throw new Error("the database is away");
    };
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => done(), onPoison });
    await append(queue, 0, { value: garbage, headers: versionOne });
    await expect.poll(() => collector.poisons.length, brokerLimit).toBe(3);
    expect(new Set(collector.poisons.map(({ offset }) => offset))).toEqual(new Set([0]));
    await bus.publishTickets(ticketsFor(queue, [0], 1));
    await expectTasks(collector, ["t0"]);
    await collector.consumer.close();
    const next = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0], 1, "marker"));
    await expectTasks(next, ["marker0"]);
    expect(next.poisons).toEqual([]);
  });
}
