import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type AttemptRef, AttemptRefSchema, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { HeldAttempt } from "#ports/run-store.ts";
import { reconcileHeld } from "./held-reconciliation.ts";

function row(taskId: string, fence: number, isRunning = true): HeldAttempt {
  return { runKey: 1, ordinal: 0, runId: "r", taskId, mapIndex: null, fence, workerKey: 1, isRunning };
}

function ref(taskId: string, fence: number): AttemptRef {
  return create(AttemptRefSchema, { dagRunId: "r", taskId, fence: BigInt(fence) });
}

describe("reconcileHeld", () => {
  it("keeps what is still the worker's and settles what is not", () => {
    const { verdicts } = reconcileHeld([row("a", 3)], [ref("a", 3), ref("a", 2), ref("b", 1)]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([Verdict.KEEP, Verdict.SETTLED, Verdict.SETTLED]);
  });

  it("sends again what runs and was never received, and releases what ended and was never received", () => {
    const { resend, release } = reconcileHeld([row("a", 1), row("b", 1), row("c", 2, false)], [ref("a", 1)]);
    expect(resend.map(({ taskId }) => taskId)).toEqual(["b"]);
    expect(release.map(({ taskId }) => taskId)).toEqual(["c"]);
  });
});
