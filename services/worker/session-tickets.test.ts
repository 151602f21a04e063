import { describe, expect, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { type Assignment, type AttemptRef, type AttemptReport, keyOf } from "./attempt.ts";
import { initialState, type SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent } from "./session-signals.ts";
import { step } from "./session-state.ts";
import { ticketIntake } from "./session-tickets.ts";
import { type TicketRef, ticketKeyOf } from "./ticket-ref.ts";

const leaseMs = 15_000;
const success: AttemptReport = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] };

function ticketRef(taskId: string, tryNumber = 1): TicketRef {
  return { dagRunId: "r", taskId, mapIndex: null, generation: 1, tryNumber };
}

function refOf(taskId: string, tryNumber = 1): AttemptRef {
  return { ...ticketRef(taskId, tryNumber), fence: BigInt(tryNumber) };
}

function assignmentOf(taskId: string, tryNumber = 1): Assignment {
  const nothing = { operator: {}, environment: {}, values: {}, secrets: {}, parameters: {}, timeoutMs: null };
  const texts = { dagId: "d", operatorType: "noop", logicalDate: "", dagDirectory: "", traceparent: "" };
  const limits = { graceMs: 0, maxTries: 1, captureStdout: false, logMaxBytes: 1, idempotencyKey: "" };
  return { ref: refOf(taskId, tryNumber), requests: noResources, ...nothing, ...texts, ...limits };
}

/** A worker of two slots, with an open session unless the test says otherwise. */
class Session {
  now = 0;
  #deliveries = 0;
  state: SessionState = initialState({
    executorCount: 1,
    slots: 2,
    resources: noResources,
    drainTimeoutMs: 60_000,
    start: "s",
    predecessors: [],
    spooled: [],
  });

  static open(): Session {
    const session = new Session();
    session.do({ kind: "tick" });
    session.welcome();
    return session;
  }

  do(event: SessionEvent): readonly SessionEffect[] {
    const { state, effects } = step(this.state, event, this.now);
    this.state = state;
    return effects.filter(({ kind }) => kind !== "note");
  }

  welcome(): readonly SessionEffect[] {
    const { connection } = this.state;
    return this.do({ kind: "welcome", connection, leaseMs, intervalMs: 5000, verdicts: new Map() });
  }

  /** The next delivery, numbered from 1. */
  ticket(taskId: string, tryNumber = 1): readonly SessionEffect[] {
    this.#deliveries += 1;
    return this.do({ kind: "ticket", delivery: this.#deliveries, ref: ticketRef(taskId, tryNumber) });
  }

  answer(taskId: string, assignment: Assignment | null): readonly SessionEffect[] {
    const { connection } = this.state;
    return this.do({ kind: "claim_answered", connection, key: ticketKeyOf(ticketRef(taskId)), assignment, reason: "" });
  }

  assign(taskId: string): readonly SessionEffect[] {
    return this.do({ kind: "assigned", connection: this.state.connection, assignment: assignmentOf(taskId) });
  }

  close(): readonly SessionEffect[] {
    return this.do({ kind: "closed", connection: this.state.connection, refusal: null, problem: "", random: 0 });
  }
}

describe("a ticket", () => {
  test("is claimed, and passed once the claim is answered with the attempt", () => {
    const session = Session.open();

    expect(session.ticket("a")).toEqual([{ kind: "send_claim", ref: ticketRef("a") }]);
    expect(session.answer("a", assignmentOf("a"))).toEqual([
      { kind: "pass_ticket", delivery: 1 },
      { kind: "run", assignment: assignmentOf("a") },
    ]);
  });

  test("whose claim comes to nothing is passed, and its slot is free", () => {
    const session = Session.open();
    session.ticket("a");
    session.ticket("b");

    expect(session.answer("a", null)).toEqual([{ kind: "pass_ticket", delivery: 1 }]);
    expect(session.ticket("c")).toEqual([{ kind: "send_claim", ref: ticketRef("c") }]);
  });

  test("that comes twice is claimed once, and both are passed with the answer", () => {
    const session = Session.open();
    session.ticket("a");

    expect(session.ticket("a")).toEqual([]);
    expect(session.answer("a", null)).toEqual([
      { kind: "pass_ticket", delivery: 1 },
      { kind: "pass_ticket", delivery: 2 },
    ]);
  });

  test("of an attempt that the worker has is passed at once, of another try it is claimed", () => {
    const session = Session.open();
    session.assign("a");

    expect(session.ticket("a")).toEqual([{ kind: "pass_ticket", delivery: 1 }]);
    expect(session.ticket("a", 2)).toEqual([{ kind: "send_claim", ref: ticketRef("a", 2) }]);
  });

  test("is handed back where attempts and claims take every slot", () => {
    const session = Session.open();
    session.assign("a");
    session.ticket("b");

    expect(session.ticket("c")).toEqual([
      { kind: "return_ticket", ref: ticketRef("c"), reason: "every slot is taken" },
      { kind: "pass_ticket", delivery: 2 },
    ]);
  });

  test("is handed back by a worker that drains", () => {
    const session = Session.open();
    session.assign("a");
    session.do({ kind: "shutdown", reason: "test" });

    expect(session.ticket("b")).toEqual([
      { kind: "return_ticket", ref: ticketRef("b"), reason: "draining" },
      { kind: "pass_ticket", delivery: 1 },
    ]);
  });

  test("that comes without a session is passed: it is dispatched again (G2)", () => {
    const session = new Session();

    expect(session.ticket("a")).toContainEqual({ kind: "pass_ticket", delivery: 1 });
    expect(session.state.claims.size).toBe(0);
  });
});

describe("claims", () => {
  test("end with their session, whose tickets are passed; a late answer of it is not heard", () => {
    const session = Session.open();
    const { connection } = session.state;
    session.ticket("a");

    expect(session.close()).toContainEqual({ kind: "pass_ticket", delivery: 1 });
    expect(session.state.claims.size).toBe(0);
    const late = { kind: "claim_answered", connection, key: ticketKeyOf(ticketRef("a")), reason: "" } as const;
    session.welcome();
    expect(session.do({ ...late, assignment: assignmentOf("a") })).toEqual([]);
  });

  test("count in what a beat says is free", () => {
    const session = Session.open();
    session.ticket("a");
    session.now = 5000;

    expect(session.do({ kind: "tick" })).toMatchObject([{ kind: "send_beat", sequence: 1, held: [], freeSlots: 1 }]);
  });

  test("are waited for by a worker that drains, and what they bring is reported as interrupted", () => {
    const session = Session.open();
    session.ticket("a");
    session.do({ kind: "shutdown", reason: "test" });
    session.do({ kind: "beat_answered", connection: session.state.connection, sequence: 1, leaseMs });

    expect(session.state.link.kind).toBe("ready");
    expect(session.answer("a", assignmentOf("a"))).toContainEqual(
      expect.objectContaining({ kind: "send_outcome", report: expect.objectContaining({ code: "interrupted" }) }),
    );
  });
});

describe("partitions", () => {
  const owned = new Map([["default", [0, 2]]]);

  test("are told when they change, and at the beginning of every session", () => {
    const session = Session.open();
    const told = { kind: "send_partitions", owned };

    expect(session.do({ kind: "partitions_owned", owned })).toEqual([told]);
    session.close();
    session.now += 1000;
    session.do({ kind: "tick" });
    expect(session.do({ kind: "partitions_owned", owned })).toEqual([]);
    expect(session.welcome()).toContainEqual(told);
  });

  test("are no subject of a worker without tickets", () => {
    const session = new Session();
    session.do({ kind: "tick" });

    expect(session.welcome().map(({ kind }) => kind)).not.toContain("send_partitions");
  });
});

test("a worker takes tickets while its session is open and a slot free, and leaves its groups to drain", () => {
  const session = new Session();
  session.do({ kind: "tick" });
  expect(ticketIntake(session.state)).toBe("paused");
  session.welcome();
  expect(ticketIntake(session.state)).toBe("open");
  session.assign("a");
  session.ticket("b");
  expect(ticketIntake(session.state)).toBe("paused");
  session.do({ kind: "finished", key: keyOf(refOf("a")), report: success });
  expect(ticketIntake(session.state)).toBe("open");
  session.do({ kind: "shutdown", reason: "test" });
  expect(ticketIntake(session.state)).toBe("closed");
});
