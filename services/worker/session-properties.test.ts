import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import { type Assignment, type AttemptRef, type AttemptReport, instanceOf, keyOf } from "./attempt.ts";
import { incarnationId } from "./incarnation.ts";
import { initialState, type SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent, Verdict } from "./session-signals.ts";
import { nextWakeAt, step } from "./session-state.ts";
import { ticketKeyOf } from "./ticket-ref.ts";

const leaseMs = 3000;
const success: AttemptReport = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] };

type Act =
  | { readonly kind: "assign" | "stop" | "finish" | "acknowledge"; readonly which: number; readonly fence: number }
  | { readonly kind: "ticket"; readonly which: number; readonly fence: number }
  | { readonly kind: "answer_claim"; readonly which: number; readonly isGranted: boolean }
  | { readonly kind: "welcome"; readonly verdict: Verdict }
  | { readonly kind: "answer_beat" | "close" | "refuse" | "shutdown" | "elsewhere" }
  | { readonly kind: "wait"; readonly ms: number; readonly isFrozen: boolean };

const which = { which: fc.integer({ min: 0, max: 3 }), fence: fc.integer({ min: 1, max: 3 }) };
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("assign", "stop", "finish", "acknowledge"), ...which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("ticket"), ...which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("answer_claim"), which: which.which, isGranted: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("welcome"), verdict: fc.constantFrom("keep", "kill", "settled") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("answer_beat", "answer_beat", "close", "refuse", "elsewhere") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 1, max: 4000 }), isFrozen: fc.boolean() }),
  },
);

const workerGpus = 4;

/** What an honest executor and host would see of the worker, with every rule checked as it happens. */
class World {
  state: SessionState = initialState({
    executorCount: 2,
    slots: 4,
    resources: { ...noResources, gpus: workerGpus },
    drainTimeoutMs: 2000,
    start: "s",
    predecessors: [],
    spooled: [],
  });
  now = 0;
  readonly step: typeof step;
  /** Attempts with a live process, and whether they were told to die at once. */
  readonly alive = new Map<string, { readonly ref: AttemptRef; isDoomed: boolean }>();
  readonly runs = new Set<string>();
  readonly kept = new Set<string>();
  readonly sentInSession = new Set<string>();
  /** Tickets that were not passed yet. */
  readonly inHand = new Set<number>();
  readonly claimed = new Set<string>();
  deliveries = 0;
  /** The incarnation whose lease ended while something ran: it must not speak again. */
  lost: string | null = null;
  ended = "";

  constructor(stepToTest: typeof step = step) {
    this.step = stepToTest;
    this.do({ kind: "tick" });
  }

  do(event: SessionEvent): void {
    const leaseUntil = this.state.leaseUntil;
    const wasReady = this.state.link.kind === "ready";
    if (leaseUntil !== null && this.now >= leaseUntil && this.alive.size > 0)
      this.lost = incarnationId(this.state.incarnation);
    const { state, effects } = this.step(this.state, event, this.now);
    this.state = state;
    for (const effect of effects) this.perform(effect);
    // A lease that was over when the step began has doomed all that ran, and nothing began since (G4).
    if (leaseUntil !== null && this.now >= leaseUntil) {
      assert(!effects.some(({ kind }) => kind === "run"));
      for (const { isDoomed } of this.alive.values()) assert(isDoomed, "alive beyond its lease");
    }
    if (!wasReady && event.kind !== "finished") assert(!effects.some(({ kind }) => kind === "run"));
    this.check();
  }

  perform(effect: SessionEffect): void {
    switch (effect.kind) {
      case "run": {
        const { ref } = effect.assignment;
        const key = keyOf(ref);
        assert(!this.alive.has(key));
        for (const other of this.alive.values()) assert.notEqual(instanceOf(other.ref), instanceOf(ref));
        this.alive.set(key, { ref, isDoomed: false });
        const taken = [...this.alive.values()].map(({ ref: { taskId, fence } }) => requestsOf(taskId, fence).gpus);
        assert(taken.reduce((sum, gpus) => sum + gpus) <= workerGpus, "runs more than it has room for");
        this.runs.add(key);
        return;
      }
      case "stop": {
        const process = this.alive.get(effect.key);
        // A frozen worker hears late that it has ended.
        if (process === undefined && effect.key === this.ended) return;
        assert(process !== undefined);
        if (effect.graceMs === 0) process.isDoomed = true;
        return;
      }
      case "connect":
        assert.notEqual(effect.incarnation, this.lost, "what it killed would be sent to it again");
        this.sentInSession.clear();
        this.claimed.clear();
        // What is alive and was not given up is told; what was given up is dead before the worker speaks again.
        for (const { ref } of this.alive.values()) assert(effect.held.map(keyOf).includes(keyOf(ref)));
        return;
      case "send_outcome":
        assert(this.kept.has(keyOf(effect.ref)));
        assert(!this.sentInSession.has(keyOf(effect.ref)));
        assert(!this.alive.has(keyOf(effect.ref)));
        this.sentInSession.add(keyOf(effect.ref));
        return;
      case "send_claim": {
        const key = ticketKeyOf(effect.ref);
        assert(!this.claimed.has(key), "claimed twice");
        this.claimed.add(key);
        assert(this.alive.size + this.claimed.size <= this.state.slots, "claims more than it has slots for");
        return;
      }
      case "pass_ticket":
        assert(this.inHand.delete(effect.delivery), "passed twice");
        return;
      case "send_released":
        assert(!this.alive.has(keyOf(effect.ref)));
        return;
      case "keep":
        this.kept.add(keyOf(effect.ref));
        return;
      case "forget":
        this.kept.delete(effect.key);
        this.sentInSession.delete(effect.key);
        return;
      case "send_beat":
        for (const key of [...this.alive.keys(), ...this.kept]) assert(effect.held.map(keyOf).includes(key));
        return;
      default:
    }
  }

  check(): void {
    const claims = [...this.state.claims.values()].flatMap(({ deliveries }) => deliveries);
    assert.deepEqual(new Set(claims), this.inHand, "a ticket is in hand as long as it is claimed");
    if (this.state.link.kind !== "ready") assert.equal(claims.length, 0, "nobody will answer these claims");
    if (this.state.link.kind === "over") return;
    const stages = new Map([...this.state.held].map(([key, held]) => [key, held.stage]));
    for (const key of this.alive.keys()) assert(["running", "stopping"].includes(stages.get(key) ?? ""));
    for (const key of this.kept) assert.equal(stages.get(key), "settled");
    if (this.state.link.kind === "idle" && this.alive.size === 0) assert.notEqual(nextWakeAt(this.state), null);
  }

  act(next: Act): void {
    const { connection, link } = this.state;
    switch (next.kind) {
      case "assign":
        if (link.kind === "ready" && !this.runs.has(keyOf(refOf(next))))
          this.do({ kind: "assigned", connection, assignment: assignmentOf(next) });
        return;
      case "ticket": {
        const { fence: _, ...ref } = refOf(next);
        if (link.kind === "over") return;
        this.deliveries += 1;
        this.inHand.add(this.deliveries);
        this.do({ kind: "ticket", delivery: this.deliveries, ref });
        return;
      }
      case "answer_claim":
        this.answerClaim(next);
        return;
      case "stop":
        if (link.kind === "ready") {
          const { ref } = [...this.alive.values()][next.which] ?? { ref: refOf(next) };
          this.do({ kind: "stop_ordered", ref, reason: "", graceMs: next.fence * 100 });
        }
        return;
      case "finish":
        this.finish([...this.alive.keys()][next.which]);
        return;
      case "acknowledge": {
        const key = [...this.sentInSession][next.which];
        if (key !== undefined)
          this.do({ kind: "outcome_acknowledged", connection, key, accepted: true, reason: "", next: null });
        return;
      }
      case "welcome": {
        const verdicts = new Map([...this.state.held.keys()].map((key) => [key, next.verdict]));
        if (link.kind === "greeting") this.do({ kind: "welcome", connection, leaseMs, intervalMs: 1000, verdicts });
        return;
      }
      case "answer_beat":
        if (link.kind === "ready") this.do({ kind: "beat_answered", connection, sequence: link.sequence, leaseMs });
        return;
      case "close":
      case "refuse":
        this.do({
          kind: "closed",
          connection,
          refusal: next.kind === "refuse" ? "incarnation_lost" : null,
          problem: "",
          random: 0.5,
        });
        return;
      case "shutdown":
        this.do({ kind: "shutdown", reason: "" });
        return;
      case "elsewhere":
        this.do({ kind: "drain_ordered", connection, reason: "", goElsewhere: true });
        return;
      case "wait":
        this.wait(next.ms, next.isFrozen);
    }
  }

  answerClaim({ which: index, isGranted }: Extract<Act, { kind: "answer_claim" }>): void {
    const [key, claim] = [...this.state.claims][index] ?? [];
    if (key === undefined || claim === undefined) return;
    const place = { which: Number(claim.ref.taskId.slice(1)), fence: claim.ref.tryNumber };
    const assignment = isGranted && !this.runs.has(keyOf(refOf(place))) ? assignmentOf(place) : null;
    this.claimed.delete(key);
    this.do({ kind: "claim_answered", connection: this.state.connection, key, assignment, reason: "" });
  }

  finish(key: string | undefined): void {
    if (key === undefined) return;
    this.alive.delete(key);
    this.ended = key;
    this.do({ kind: "finished", key, report: success });
  }

  /** A frozen process wakes late, by whatever comes next; an unfrozen one at each time that it asked for. */
  wait(ms: number, isFrozen: boolean): void {
    const end = this.now + ms;
    for (let at = nextWakeAt(this.state); !isFrozen && at !== null && at <= end; at = nextWakeAt(this.state)) {
      this.now = Math.max(this.now, at);
      this.do({ kind: "tick" });
    }
    this.now = end;
    if (!isFrozen) this.do({ kind: "tick" });
  }
}

function refOf({ which: index, fence }: { which: number; fence: number }): AttemptRef {
  return { dagRunId: "r", taskId: `t${index}`, mapIndex: null, generation: 1, tryNumber: fence, fence: BigInt(fence) };
}

/** As many as the fence; of one task more than the worker has. */
function requestsOf(taskId: string, fence: bigint): ResourceAmounts {
  return { ...noResources, gpus: taskId === "t3" ? workerGpus + 1 : Number(fence) };
}

function assignmentOf(place: { which: number; fence: number }): Assignment {
  const nothing = {
    dagId: "d",
    operatorType: "noop",
    operator: {},
    environment: {},
    values: {},
    secrets: {},
    parameters: {},
    timeoutMs: null,
  };
  const texts = { logicalDate: "", dagDirectory: "", traceparent: "", idempotencyKey: "" };
  const ref = refOf(place);
  const requests = requestsOf(ref.taskId, ref.fence);
  return { ref, requests, ...nothing, ...texts, graceMs: 500, maxTries: 1, captureStdout: false, logMaxBytes: 1 };
}

test("whatever happens in whatever order: one process per instance, none beyond its lease, no outcome forgotten or sent twice (G3, G4)", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const world = new World();
      for (const next of acts) world.act(next);
    }),
    { numRuns: 2000 },
  );
});

test("a worker that is shut down ends, whatever happened before and although nobody answers", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const world = new World();
      for (const next of acts) world.act(next);
      world.act({ kind: "shutdown" });
      for (let round = 0; round < 20; round += 1) {
        world.wait(1000, false);
        for (const key of [...world.alive.keys()]) world.finish(key);
      }

      expect(world.state.link.kind).toBe("over");
      expect(world.alive.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});

/** Steps with one bug each; the rules of `World` must see every one of them. */
const planted: Record<string, typeof step> = {
  "a lease that is not watched": (state, event, now) => step({ ...state, leaseUntil: null }, event, now),
  "resources that are not counted": (state, event, now) => step({ ...state, taken: new Map() }, event, now),
  "resources that nobody has": (state, event, now) =>
    step({ ...state, resources: { ...noResources, gpus: workerGpus + 1 } }, event, now),
  "a kill that is forgotten": (state, event, now) => without("stop", step(state, event, now)),
  "an outcome that is sent twice": (state, event, now) => {
    const next = step(state, event, now);
    return {
      ...next,
      effects: next.effects.flatMap((effect): SessionEffect[] =>
        effect.kind === "send_outcome" ? [effect, effect] : [effect],
      ),
    };
  },
  "a ticket that is never passed": (state, event, now) => without("pass_ticket", step(state, event, now)),
  "a ticket that is claimed again and again": (state, event, now) =>
    event.kind === "ticket" ? step({ ...state, claims: new Map() }, event, now) : step(state, event, now),
  "a beat that lists nothing": (state, event, now) => {
    const next = step(state, event, now);
    return {
      ...next,
      effects: next.effects.map((effect) => (effect.kind === "send_beat" ? { ...effect, held: [] } : effect)),
    };
  },
};

function without(kind: SessionEffect["kind"], next: ReturnType<typeof step>): ReturnType<typeof step> {
  return { ...next, effects: next.effects.filter((effect) => effect.kind !== kind) };
}

test.each(Object.keys(planted))("the rules find %s", (name) => {
  const found = fc.check(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const world = new World(planted[name]);
      for (const next of acts) world.act(next);
    }),
    { numRuns: 2000, seed: 1 },
  );

  expect(found.failed).toBe(true);
});
