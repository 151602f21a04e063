import { expect, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { type Assignment, keyOf } from "./attempt.ts";
import { initialState, type SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent } from "./session-signals.ts";
import { step } from "./session-state.ts";

/** A worker of four slots and two GPUs, with an open session. */
class Session {
  state: SessionState = initialState({
    ...{ executorCount: 1, slots: 4, resources: { ...noResources, gpus: 2 }, drainTimeoutMs: 60_000, start: "s" },
    ...{ predecessors: [], spooled: [] },
  });

  constructor() {
    this.do({ kind: "tick" });
    const times = { leaseMs: 15_000, intervalMs: 5000 };
    this.do({ kind: "welcome", connection: this.state.connection, ...times, verdicts: new Map() });
  }

  do(event: SessionEvent): readonly SessionEffect[] {
    const { state, effects } = step(this.state, event, 0);
    this.state = state;
    return effects.filter(({ kind }) => kind !== "note");
  }

  assign(taskId: string, gpus: number): readonly SessionEffect[] {
    return this.do({ kind: "assigned", connection: this.state.connection, assignment: assignmentOf(taskId, gpus) });
  }

  finish(taskId: string): readonly string[] {
    const report = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] } as const;
    return startedBy(this.do({ kind: "finished", key: keyOf(assignmentOf(taskId, 0).ref), report }));
  }
}

function assignmentOf(taskId: string, gpus: number): Assignment {
  const nothing = { operator: {}, environment: {}, values: {}, secrets: {}, parameters: {}, timeoutMs: null };
  const texts = { dagId: "d", operatorType: "noop", logicalDate: "", dagDirectory: "", traceparent: "" };
  const limits = { graceMs: 0, maxTries: 1, captureStdout: false, logMaxBytes: 1, idempotencyKey: "" };
  const ref = { dagRunId: "r", taskId, mapIndex: null, generation: 1, tryNumber: 1, fence: 1n };
  return { ref, requests: { ...noResources, gpus }, ...nothing, ...texts, ...limits };
}

function startedBy(effects: readonly SessionEffect[]): readonly string[] {
  return effects.flatMap((effect) => (effect.kind === "run" ? [effect.assignment.ref.taskId] : []));
}

test("an attempt waits until what runs leaves enough for it; one that asks for nothing does not", () => {
  const session = new Session();
  expect(startedBy(session.assign("a", 1))).toEqual(["a"]);
  expect(startedBy(session.assign("large", 2))).toEqual([]);
  expect(startedBy(session.assign("any", 0))).toEqual(["any"]);
  expect(session.finish("any")).toEqual([]);
  expect(session.finish("a")).toEqual(["large"]);
});

test("an attempt that is being stopped has what it took until nothing of it runs", () => {
  const session = new Session();
  session.assign("a", 2);
  session.do({ kind: "stop_ordered", ref: assignmentOf("a", 2).ref, reason: "cancelled", graceMs: 1000 });
  expect(startedBy(session.assign("next", 1))).toEqual([]);
  expect(session.finish("a")).toEqual(["next"]);
});

test("an attempt that asks for more than the worker has is handed back, to be run elsewhere", () => {
  const session = new Session();
  const effects = session.assign("huge", 3);
  expect(effects.map(({ kind }) => kind)).toEqual(["keep", "send_outcome"]);
  expect(effects[0]).toMatchObject({ report: { kind: "failed", code: "interrupted" } });
  expect(startedBy(session.assign("next", 2))).toEqual(["next"]);
});
