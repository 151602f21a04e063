import { describe, expect, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { initialState, type SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent } from "./session-signals.ts";
import { step } from "./session-state.ts";
import { ticketIntake } from "./session-tickets.ts";

const leaseMs = 15_000;
const intervalMs = 5000;

/** A session that is open, with the clock in the test's hand. */
class Session {
  now = 0;
  state: SessionState = initialState({
    ...{ executorCount: 1, slots: 2, drainTimeoutMs: 60_000, start: "s", resources: noResources },
    ...{ predecessors: [], spooled: [] },
  });

  constructor() {
    this.do({ kind: "tick" });
    this.do({ kind: "welcome", connection: 1, leaseMs, intervalMs, verdicts: new Map() });
  }

  do(event: SessionEvent): readonly SessionEffect[] {
    const { state, effects } = step(this.state, event, this.now);
    this.state = state;
    return effects.filter(({ kind }) => kind !== "note");
  }

  measure(diskPercent: number, cpuPercent = 0): void {
    this.do({ kind: "measured", usage: { cpuPercent, memoryPercent: 0, diskPercent } });
  }

  /** The beat that is sent at this time, answered at once. */
  beatAt(now: number): Extract<SessionEffect, { kind: "send_beat" }> | undefined {
    this.now = now;
    const beat = this.do({ kind: "tick" }).find((effect) => effect.kind === "send_beat");
    if (beat !== undefined) this.do({ kind: "beat_answered", connection: 1, sequence: beat.sequence, leaseMs: null });
    return beat;
  }

  ticket(taskId: string): readonly SessionEffect[] {
    const ref = { dagRunId: "r", taskId, mapIndex: null, generation: 1, tryNumber: 1 };
    return this.do({ kind: "ticket", delivery: 1, ref });
  }
}

describe("a full disk", () => {
  test("is told with the beats, and tickets are handed back until there is room", () => {
    const session = new Session();
    session.measure(99);
    session.measure(99);

    expect(session.beatAt(intervalMs)).toMatchObject({
      usage: { diskPercent: 99 },
      strain: { reason: "disk at 99 %", yields: false },
    });
    expect(ticketIntake(session.state)).toBe("paused");
    expect(session.ticket("a")).toMatchObject([
      { kind: "return_ticket", reason: "disk at 99 %" },
      { kind: "pass_ticket" },
    ]);
    session.measure(50);
    expect(session.beatAt(2 * intervalMs)).toMatchObject({ strain: null });
    expect(session.ticket("a")).toMatchObject([{ kind: "send_claim" }]);
  });
});

test("a busy cpu is told, and tickets are taken: executors offer fewer", () => {
  const session = new Session();
  session.measure(0, 100);
  session.measure(0, 100);

  expect(session.beatAt(intervalMs)).toMatchObject({ strain: { reason: "cpu at 100 %", yields: true } });
  expect(ticketIntake(session.state)).toBe("open");
  expect(session.ticket("a")).toMatchObject([{ kind: "send_claim" }]);
});

describe("a process that was held up for a third of the lease", () => {
  test("takes nothing new until a beat goes out in time again", () => {
    const session = new Session();

    expect(session.beatAt(intervalMs + leaseMs / 3)).toMatchObject({
      strain: { reason: "the worker's process is held up", yields: false },
    });
    expect(session.ticket("a")).toMatchObject([{ kind: "return_ticket" }, { kind: "pass_ticket" }]);
    expect(session.beatAt(session.now + intervalMs)).toMatchObject({ strain: null });
    expect(session.ticket("a")).toMatchObject([{ kind: "send_claim" }]);
  });

  test("is not one that was late by less", () => {
    const session = new Session();

    expect(session.beatAt(intervalMs + leaseMs / 3 - 1)).toMatchObject({ strain: null });
  });
});

describe("a refusal", () => {
  const refuse = (session: Session, connection: number): readonly SessionEffect[] =>
    session.do({ kind: "closed", connection, refusal: "other", problem: "speaks protocol 2", random: 0 });

  test("is told once every executor has refused, kept for the health, and asked again slowly", () => {
    const session = new Session();
    session.state = initialState({
      ...{
        executorCount: 2,
        slots: 2,
        drainTimeoutMs: 60_000,
        start: "s",
        resources: noResources,
        predecessors: [],
        spooled: [],
      },
    });
    session.do({ kind: "tick" });

    expect(refuse(session, 1)).toEqual([]);
    session.now += 5000;
    session.do({ kind: "tick" });
    expect(refuse(session, 2)).toEqual([{ kind: "tell_refusal", problem: "speaks protocol 2" }]);
    expect(session.state).toMatchObject({
      refusal: "speaks protocol 2",
      link: { kind: "idle", retryAt: session.now + 5000 },
    });
    session.now += 5000;
    session.do({ kind: "tick" });
    session.do({ kind: "welcome", connection: 3, leaseMs, intervalMs, verdicts: new Map() });
    expect(session.state.refusal).toBeNull();
  });
});

test("starts that nobody welcomed are all named by the next, and no longer once it is welcomed", () => {
  const state = initialState({
    ...{
      executorCount: 1,
      slots: 1,
      drainTimeoutMs: 1,
      start: "s",
      resources: noResources,
      predecessors: ["a.1", "b.1"],
      spooled: [],
    },
  });
  const connected = step(state, { kind: "tick" }, 0);
  const refusal = { kind: "closed", connection: 1, refusal: "incarnation_lost", problem: "", random: 0 } as const;
  const renewed = step(connected.state, refusal, 0);
  expect(renewed.effects).toContainEqual({
    kind: "record_incarnations",
    incarnations: ["a.1", "b.1", "s.1", "s.2"],
  });
  expect(renewed.effects).toContainEqual(
    expect.objectContaining({ kind: "connect", incarnation: "s.2", predecessors: ["a.1", "b.1", "s.1"] }),
  );
  const welcomed = step(renewed.state, { kind: "welcome", connection: 2, leaseMs, intervalMs, verdicts: new Map() }, 0);
  expect(welcomed.effects).toContainEqual({ kind: "record_incarnations", incarnations: ["s.2"] });
  expect(welcomed.state.incarnation.predecessors).toEqual([]);
});
