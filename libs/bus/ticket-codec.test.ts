import fc from "fast-check";
import { expect, test } from "vitest";
import type { Ticket } from "#ports/ticket-consumer.ts";
import { decodeTicket, encodeTicket } from "./ticket-codec.ts";

const name = fc.string({ minLength: 1, maxLength: 200 }).filter((text) => text.isWellFormed());
const maxInt = 2 ** 31 - 1;
const tickets: fc.Arbitrary<Ticket> = fc.record({
  dagRunId: name,
  taskId: name,
  mapIndex: fc.option(fc.integer({ min: 0, max: maxInt })),
  generation: fc.integer({ min: 1, max: maxInt }),
  tryNumber: fc.integer({ min: 1, max: maxInt }),
  skipHint: fc.boolean(),
});

const ticket: Ticket = {
  dagRunId: "etl__2026-01-01T00:00:00Z__0123abcd",
  taskId: "load",
  mapIndex: 7,
  generation: 2,
  tryNumber: 3,
  skipHint: false,
};

test("every ticket comes back as it went", () => {
  fc.assert(
    fc.property(tickets, (given) => {
      const { value, headers } = encodeTicket(given, null);
      expect(decodeTicket({ value, headers: new Map(Object.entries(headers)) })).toEqual({
        kind: "ticket",
        ticket: given,
      });
    }),
  );
});

test("any bytes are a ticket or poison with a reason, never an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
      const decoded = decodeTicket({ value, headers: new Map([["ticket-version", "1"]]) });
      if (decoded.kind === "poison") expect(decoded.reason).not.toBe("");
      else expect(decoded.ticket.tryNumber).toBeGreaterThan(0);
    }),
  );
});

test("has the documented bytes, key and headers", () => {
  const { key, value, headers, partition } = encodeTicket({ ...ticket, dagRunId: "r1" }, 3);

  expect(Buffer.from(value).toString("hex")).toBe("0a100a02723112046c6f6164180720022803");
  expect({ key, headers, partition }).toEqual({
    key: "r1/load/7",
    headers: { "content-type": "application/x-protobuf", "ticket-version": "1" },
    partition: 3,
  });
});

test("a ticket that is too big is refused where it is made", () => {
  expect(() => encodeTicket({ ...ticket, dagRunId: "x".repeat(20_000) }, 0)).toThrow(/has 20\d\d\d bytes, 16384 are/);
});
