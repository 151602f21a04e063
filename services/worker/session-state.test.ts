import { describe, expect, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { type Assignment, type AttemptRef, type AttemptReport, failureReport, keyOf } from "./attempt.ts";
import { initialState, type SessionState } from "./session-model.ts";
import type { Refusal, SessionEffect, SessionEvent, Verdict } from "./session-signals.ts";
import { nextWakeAt, step } from "./session-state.ts";

const leaseMs = 15_000;
const intervalMs = 5000;
const success: AttemptReport = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] };

function ref(taskId: string, fence = 1): AttemptRef {
  return { dagRunId: "r", taskId, mapIndex: null, generation: 1, tryNumber: fence, fence: BigInt(fence) };
}

function assignment(taskId: string, fence = 1): Assignment {
  return {
    ref: ref(taskId, fence),
    dagId: "d",
    operatorType: "noop",
    operator: {},
    environment: {},
    values: {},
    secrets: {},
    parameters: {},
    timeoutMs: null,
    graceMs: 30_000,
    logicalDate: "",
    dagDirectory: "",
    traceparent: "",
    idempotencyKey: "",
    maxTries: 1,
    captureStdout: false,
    logMaxBytes: 1,
    requests: noResources,
  };
}

/** A session under test: every step's effects, with the clock in the test's hand. */
class Session {
  state: SessionState;
  now = 0;
  effects: readonly SessionEffect[] = [];

  constructor(options: { executorCount?: number; drainTimeoutMs?: number } = {}) {
    this.state = initialState({
      executorCount: options.executorCount ?? 2,
      slots: 4,
      resources: noResources,
      drainTimeoutMs: options.drainTimeoutMs ?? 600_000,
      start: "s",
      predecessors: ["old.1"],
      spooled: [],
    });
  }

  do(event: SessionEvent): readonly SessionEffect[] {
    const { state, effects } = step(this.state, event, this.now);
    this.state = state;
    this.effects = effects;
    return effects;
  }

  /** Moves the clock, waking at every time that the session asks for. */
  pass(durationMs: number): readonly SessionEffect[] {
    const end = this.now + durationMs;
    const all: SessionEffect[] = [];
    for (let at = nextWakeAt(this.state); at !== null && at <= end; at = nextWakeAt(this.state)) {
      this.now = Math.max(at, this.now);
      all.push(...this.do({ kind: "tick" }));
    }
    this.now = end;
    this.effects = all;
    return all;
  }

  welcome(verdicts: Record<string, Verdict> = {}): readonly SessionEffect[] {
    const map = new Map(Object.entries(verdicts));
    return this.do({ kind: "welcome", connection: this.state.connection, leaseMs, intervalMs, verdicts: map });
  }

  assign(taskId: string, fence = 1): readonly SessionEffect[] {
    return this.do({ kind: "assigned", connection: this.state.connection, assignment: assignment(taskId, fence) });
  }

  finish(taskId: string, fence = 1, report: AttemptReport = success): readonly SessionEffect[] {
    return this.do({ kind: "finished", key: keyOf(ref(taskId, fence)), report });
  }

  acknowledge(taskId: string, next: Assignment | null = null, accepted = true): readonly SessionEffect[] {
    const { connection } = this.state;
    return this.do({ kind: "outcome_acknowledged", connection, key: keyOf(ref(taskId)), accepted, reason: "", next });
  }

  close(refusal: Refusal | null = null): readonly SessionEffect[] {
    return this.do({ kind: "closed", connection: this.state.connection, refusal, problem: "gone", random: 1 });
  }

  answerBeat(): readonly SessionEffect[] {
    const { link, connection } = this.state;
    const sequence = link.kind === "ready" ? link.sequence : -1;
    return this.do({ kind: "beat_answered", connection, sequence, leaseMs });
  }

  stages(): Record<string, string> {
    return Object.fromEntries(
      [...this.state.held.values()].map((held) => [`${held.ref.taskId}${held.ref.fence}`, held.stage]),
    );
  }
}

const kinds = (effects: readonly SessionEffect[]) => effects.map(({ kind }) => kind).filter((kind) => kind !== "note");

/** A session that is open, with these attempts running. */
function ready(running: readonly string[] = [], options: ConstructorParameters<typeof Session>[0] = {}): Session {
  const session = new Session(options);
  session.do({ kind: "tick" });
  session.welcome();
  for (const taskId of running) session.assign(taskId);
  return session;
}

describe("opening a session", () => {
  test("the first thing is a connection to the first executor, with what is held and the earlier incarnation", () => {
    const session = new Session();
    const first = { kind: "connect", connection: 1, executor: 0 };

    expect(session.do({ kind: "tick" })).toEqual([
      { ...first, incarnation: "s.1", predecessors: ["old.1"], held: [], outcomes: [] },
    ]);
    expect(kinds(session.welcome())).toEqual(["extend_lease", "record_incarnations", "send_unacknowledged_logs"]);
    expect(session.state.link).toMatchObject({ kind: "ready", nextBeatAt: intervalMs });
  });

  test("an executor that can't be reached is followed by the next one at once, and the round by a pause", () => {
    const session = new Session();
    session.do({ kind: "tick" });

    expect(session.close()).toContainEqual(expect.objectContaining({ kind: "connect", executor: 1 }));
    expect(kinds(session.close())).toEqual([]);
    expect(nextWakeAt(session.state)).toBe(200);
    expect(session.pass(200)).toContainEqual(expect.objectContaining({ kind: "connect", executor: 0 }));
  });

  test("the pauses grow to 5 s", () => {
    const session = new Session({ executorCount: 1 });
    session.do({ kind: "tick" });
    const pauses: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      session.close();
      pauses.push((nextWakeAt(session.state) ?? 0) - session.now);
      session.pass(5000);
    }

    expect(pauses).toEqual([200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  });

  test("an executor that never answers a hello is given up after 5 s", () => {
    const session = new Session();
    session.do({ kind: "tick" });

    expect(kinds(session.pass(4999))).toEqual([]);
    expect(kinds(session.pass(1))).toEqual(["disconnect", "connect"]);
  });

  test("a refused worker asks again after 5 s, as what it is", () => {
    const session = new Session();
    session.do({ kind: "tick" });

    expect(kinds(session.close("other"))).toEqual([]);
    expect(kinds(session.pass(4999))).toEqual([]);
    expect(session.pass(1)).toContainEqual(expect.objectContaining({ kind: "connect", incarnation: "s.1" }));
  });

  test("an incarnation that was declared lost becomes a new one when nothing runs", () => {
    const session = ready();
    session.close();

    expect(kinds(session.close("incarnation_lost"))).toEqual(["record_incarnations", "connect"]);
    expect(session.effects).toContainEqual(
      expect.objectContaining({ kind: "connect", incarnation: "s.2", predecessors: ["s.1"] }),
    );
  });

  test("so does one whose welcome never came: it was registered, and its lease ran out meanwhile", () => {
    const session = new Session();
    session.do({ kind: "tick" });

    expect(kinds(session.close("incarnation_lost"))).toEqual(["record_incarnations", "connect"]);
  });

  test("messages of an older connection change nothing", () => {
    const session = ready();
    session.close();
    session.welcome();
    const before = session.state;

    session.do({ kind: "assigned", connection: 1, assignment: assignment("a") });
    session.do({ kind: "closed", connection: 1, refusal: null, problem: "", random: 0 });
    session.do({ kind: "welcome", connection: 1, leaseMs, intervalMs, verdicts: new Map() });

    expect(session.state).toEqual(before);
  });
});

describe("heartbeats and the lease", () => {
  test("a beat lists every attempt that is held and the free slots", () => {
    const session = ready(["a", "b"]);
    session.finish("a");

    expect(session.pass(intervalMs)).toMatchObject([
      { kind: "send_beat", sequence: 1, held: [ref("a"), ref("b")], freeSlots: 3 },
    ]);
  });

  test("the lease counts from the sending of the answered beat", () => {
    const session = ready();
    session.pass(intervalMs);
    session.now += 1000;

    expect(session.answerBeat()).toEqual([{ kind: "extend_lease", until: intervalMs + leaseMs * 0.9 }]);
  });

  test("a beat that is unanswered when the next is due means another executor", () => {
    const session = ready(["a"]);

    session.pass(intervalMs);
    expect(kinds(session.pass(intervalMs))).toEqual(["disconnect", "connect"]);
    expect(session.effects.at(-1)).toMatchObject({ executor: 1, held: [ref("a")], incarnation: "s.1" });
  });

  test("an answer to an older beat does not count", () => {
    const session = ready();
    session.pass(intervalMs);

    expect(session.do({ kind: "beat_answered", connection: 1, sequence: 0, leaseMs })).toEqual([]);
  });

  test("when the lease is over everything is killed without grace, before the worker speaks to anybody", () => {
    const session = ready(["a", "b"]);
    session.finish("b");
    session.close();
    session.now = leaseMs * 0.9;

    expect(session.do({ kind: "tick" })).toContainEqual({
      kind: "stop",
      key: keyOf(ref("a")),
      reason: "lease_lost",
      graceMs: 0,
    });
    expect(kinds(session.effects)).not.toContain("connect");
    session.pass(60_000);
    expect(kinds(session.effects)).not.toContain("connect");

    expect(kinds(session.finish("a"))).toEqual(["record_incarnations", "connect"]);
    expect(session.effects.at(-1)).toMatchObject({ incarnation: "s.2", predecessors: ["s.1"], held: [ref("b")] });
  });

  test("a lost lease is seen first, whatever wakes the worker", () => {
    const session = ready(["a"]);
    session.now = leaseMs;

    expect(kinds(session.assign("late"))).toEqual(["stop", "disconnect"]);
    expect(session.stages()).toEqual({ a1: "stopping" });
  });

  test("outcomes of before a lost lease are offered once more", () => {
    const session = ready(["a", "b"]);
    session.finish("a");
    session.finish("b");
    session.close();
    session.pass(leaseMs);

    expect(kinds(session.welcome({ [keyOf(ref("a"))]: "keep", [keyOf(ref("b"))]: "settled" }))).toEqual([
      "extend_lease",
      "send_unacknowledged_logs",
      "send_outcome",
      "forget",
    ]);
    expect(session.stages()).toEqual({ a1: "settled" });
  });
});

describe("attempts", () => {
  test("an assignment runs, its outcome is kept and sent, and its acknowledgement frees it", () => {
    const session = ready();

    expect(session.assign("a")).toEqual([{ kind: "run", assignment: assignment("a") }]);
    expect(session.finish("a")).toEqual([
      { kind: "keep", ref: ref("a"), report: success },
      { kind: "send_outcome", ref: ref("a"), report: success },
    ]);
    expect(session.acknowledge("a")).toEqual([{ kind: "forget", key: keyOf(ref("a")) }]);
    expect(session.stages()).toEqual({});
  });

  test("the next attempt rides on an acknowledgement, also on one that is not known any more", () => {
    const session = ready(["a"]);
    session.finish("a");

    expect(kinds(session.acknowledge("a", assignment("b")))).toEqual(["forget", "run"]);
    expect(kinds(session.acknowledge("unknown", assignment("c"), false))).toEqual(["run"]);
  });

  test("an attempt that is held already is not run again", () => {
    const session = ready(["a"]);
    expect(session.assign("a")).toEqual([]);

    session.finish("a");
    expect(session.assign("a")).toEqual([]);
  });

  test("a later attempt of an instance waits until the older one is dead", () => {
    const session = ready(["a"]);

    expect(session.assign("a", 2)).toEqual([{ kind: "stop", key: keyOf(ref("a")), reason: "cancel", graceMs: 0 }]);
    expect(session.stages()).toEqual({ a1: "stopping", a2: "waiting" });
    expect(kinds(session.finish("a"))).toEqual(["send_released", "run"]);
  });

  test("an attempt beyond the slots waits until one is free", () => {
    const session = ready(["a", "b", "c", "d"]);

    expect(session.assign("e")).toEqual([]);
    expect(session.stages()).toMatchObject({ e1: "waiting" });
    expect(session.finish("b")).toContainEqual({ kind: "run", assignment: assignment("e") });
  });

  test("of several attempts that wait behind one only the latest is run", () => {
    const session = ready(["a"]);
    session.assign("a", 2);

    expect(session.assign("a", 3)).toEqual([{ kind: "send_released", ref: ref("a", 2) }]);
    expect(session.finish("a")).toContainEqual({ kind: "run", assignment: assignment("a", 3) });
    expect(session.stages()).toEqual({ a3: "running" });
  });

  test("an outcome without a session is kept and sent with the next one", () => {
    const session = ready(["a"]);
    session.close();

    expect(kinds(session.finish("a"))).toEqual(["keep"]);
    expect(kinds(session.welcome({ [keyOf(ref("a"))]: "keep" }))).toContain("send_outcome");
  });

  test("an outcome whose acknowledgement got lost is sent again", () => {
    const session = ready(["a"]);
    session.finish("a");
    session.close();

    expect(session.welcome({ [keyOf(ref("a"))]: "keep" })).toContainEqual({
      kind: "send_outcome",
      ref: ref("a"),
      report: success,
    });
  });

  test("a large outcome that breaks one session after the other becomes a failure that fits", () => {
    const large = { ...success, outputs: [{ key: "k", json: JSON.stringify("x".repeat(2_000_000)) }] };
    const session = ready(["a"]);
    session.finish("a", 1, large);
    const sent: string[] = [];
    for (let count = 0; count < 11; count += 1) {
      session.close();
      session.pass(5000);
      session.welcome({ [keyOf(ref("a"))]: "keep" });
      sent.push(...session.effects.flatMap((effect) => (effect.kind === "send_outcome" ? [effect.report.kind] : [])));
    }

    expect(sent.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => "success"));
    expect(sent.slice(9)).toEqual(["failed", "failed"]);
  });
});

describe("stop orders and verdicts", () => {
  test("a stopped attempt is released when its tree is gone, and its outcome is not reported", () => {
    const session = ready(["a"]);
    const order = { kind: "stop_ordered", ref: ref("a"), reason: "cancelled", graceMs: 3000 } as const;

    expect(session.do(order)).toEqual([{ kind: "stop", key: keyOf(ref("a")), reason: "cancel", graceMs: 3000 }]);
    expect(session.finish("a", 1, failureReport("killed", ""))).toEqual([{ kind: "send_released", ref: ref("a") }]);
    expect(session.stages()).toEqual({});
  });

  test("what is not known, waits or has ended is released at once", () => {
    const order = (taskId: string, fence = 1) =>
      ({ kind: "stop_ordered", ref: ref(taskId, fence), reason: "", graceMs: 0 }) as const;
    const session = ready(["a", "b"]);
    session.finish("a");
    session.assign("b", 2);

    expect(session.do(order("unknown"))).toEqual([{ kind: "send_released", ref: ref("unknown") }]);
    expect(session.do(order("a"))).toEqual([
      { kind: "forget", key: keyOf(ref("a")) },
      { kind: "send_released", ref: ref("a") },
    ]);
    expect(session.do(order("b", 2))).toEqual([{ kind: "send_released", ref: ref("b", 2) }]);
    expect(session.stages()).toEqual({ b1: "stopping" });
  });

  test("a tree that is gone while no session is open is told with the next one", () => {
    const session = ready(["a"]);
    session.do({ kind: "stop_ordered", ref: ref("a"), reason: "", graceMs: 0 });
    session.close();

    session.finish("a");
    expect(session.stages()).toEqual({ a1: "gone" });
    expect(session.welcome()).toContainEqual({ kind: "send_released", ref: ref("a") });
    expect(session.stages()).toEqual({});
  });

  test.each([
    ["keep", "running", ["a1"], []],
    ["kill", "running", ["a1"], ["stop"]],
    ["settled", "running", ["a1"], ["stop"]],
    ["keep", "settled", ["a1"], ["send_outcome"]],
    ["kill", "settled", [], ["forget", "send_released"]],
    ["settled", "settled", [], ["forget"]],
  ] as const)("the verdict %s on what is %s", (verdict, stage, left, effects) => {
    const session = ready(["a"]);
    session.close();
    if (stage === "settled") session.finish("a");

    expect(kinds(session.welcome({ [keyOf(ref("a"))]: verdict })).slice(2)).toEqual(effects);
    expect(Object.keys(session.stages())).toEqual(left);
  });
});

describe("draining", () => {
  test("what runs goes on, nothing new begins, and the session ends when all is acknowledged", () => {
    const session = ready(["a"]);

    expect(kinds(session.do({ kind: "shutdown", reason: "test" }))).toEqual(["send_drain_notice", "send_beat"]);
    session.answerBeat();
    session.finish("a");
    expect(kinds(session.acknowledge("a"))).toEqual(["forget", "disconnect"]);
    expect(session.state.link).toEqual({ kind: "over" });
    expect(nextWakeAt(session.state)).toBeNull();
  });

  test("an assignment that crossed the notice is handed back as interrupted before the session ends", () => {
    const session = ready();

    session.do({ kind: "shutdown", reason: "test" });
    expect(session.state.link.kind).toBe("ready");
    expect(session.assign("late")).toContainEqual({
      kind: "send_outcome",
      ref: ref("late"),
      report: expect.objectContaining({ code: "interrupted" }),
    });
    session.answerBeat();
    expect(session.state.link.kind).toBe("ready");
    expect(kinds(session.acknowledge("late"))).toEqual(["forget", "disconnect"]);
  });

  test("what runs beyond the time is stopped with its grace and reported as interrupted", () => {
    const session = ready(["a"], { drainTimeoutMs: 1000 });
    session.do({ kind: "shutdown", reason: "test" });
    session.answerBeat();

    expect(session.pass(1000)).toContainEqual({ kind: "stop", key: keyOf(ref("a")), reason: "drain", graceMs: 30_000 });
    expect(kinds(session.finish("a", 1, failureReport("interrupted", "")))).toEqual(["keep", "send_outcome"]);
    session.acknowledge("a");
    expect(session.state.link.kind).toBe("over");
  });

  test("a worker that nobody answers ends after the time, the grace and 10 s", () => {
    const session = ready(["a"], { drainTimeoutMs: 1000 });
    session.do({ kind: "shutdown", reason: "test" });
    session.finish("a");

    session.pass(1000 + 30_000 + 9999);
    expect(session.state.link.kind).not.toBe("over");
    session.pass(1);
    expect(session.state.link.kind).toBe("over");
  });

  test("without anything to do and without a session it ends at once", () => {
    const session = new Session();
    session.do({ kind: "tick" });
    session.close();
    session.close();

    session.do({ kind: "shutdown", reason: "test" });
    expect(session.state.link.kind).toBe("over");
  });

  test("an executor may ask for a drain, or send the worker to another one with all it runs", () => {
    const session = ready(["a"]);
    const order = { kind: "drain_ordered", reason: "rolling", connection: 1 } as const;

    expect(kinds(session.do({ ...order, goElsewhere: true }))).toEqual(["disconnect", "connect"]);
    expect(session.effects.at(-1)).toMatchObject({ executor: 1, held: [ref("a")] });
    session.welcome();
    session.do({ ...order, connection: 2, goElsewhere: false });
    expect(session.state.draining).toMatchObject({ reason: "rolling" });
  });
});
