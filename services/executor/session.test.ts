import { create } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import {
  AssignmentSchema,
  type AttemptRef,
  AttemptRefSchema,
  type SessionResponse,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { WorkerSession } from "./session.ts";

function newSession(slots: number): WorkerSession {
  return new WorkerSession({
    workerKey: 1,
    workerId: "w",
    sessionNumber: 1,
    slots,
    queues: ["default"],
    leaseMs: 15_000,
    clock: systemClock,
  });
}

function ref(taskId: string): AttemptRef {
  return create(AttemptRefSchema, { dagRunId: "r", taskId, fence: 1n });
}

async function sentUntilClosed(session: WorkerSession): Promise<readonly SessionResponse["message"][]> {
  const sent: SessionResponse["message"][] = [];
  for await (const response of session.outgoing) sent.push(response.message);
  return sent;
}

describe("WorkerSession", () => {
  it("counts held and reserved attempts against its slots", () => {
    const session = newSession(3);
    session.hold(1, 0, ref("a"));
    session.reserve(1);
    expect(session.freeSlots).toBe(1);
    session.unreserve(1);
    session.forget(ref("a"));
    expect(session.freeSlots).toBe(3);
  });

  it("has no free slot while it drains or is closed", () => {
    const draining = newSession(3);
    draining.drain();
    const closed = newSession(3);
    closed.outgoing.close();
    expect([draining.freeSlots, closed.freeSlots]).toEqual([0, 0]);
  });

  it("has no free slot once its lease was not renewed for half of it, and has them again with the next renewal", () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const session = newSession(3);
    vi.advanceTimersByTime(7_500);
    expect(session.freeSlots).toBe(3);
    vi.advanceTimersByTime(1);
    expect(session.freeSlots).toBe(0);
    session.noteRenewed();
    expect(session.freeSlots).toBe(3);
  });

  it("finds an attempt lost that two heartbeats in a row leave out, but not one whose outcome is being written", () => {
    const session = newSession(3);
    session.hold(1, 0, ref("lost"));
    session.hold(1, 1, ref("listed"));
    session.hold(1, 2, ref("reported")).isReported = true;
    expect(session.noteBeat([ref("listed")])).toEqual([]);
    expect(session.noteBeat([ref("listed")]).map((attempt) => attempt.ref.taskId)).toEqual(["lost"]);
  });

  it("forgets a missed heartbeat once the attempt is listed again", () => {
    const session = newSession(3);
    session.hold(1, 0, ref("a"));
    session.noteBeat([]);
    session.noteBeat([ref("a")]);
    expect(session.noteBeat([])).toEqual([]);
  });

  it("lets hand-offs ride on acknowledgements of the same turn and pushes the others", async () => {
    const session = newSession(3);
    for (const taskId of ["b", "c"]) {
      session.hold(1, 0, ref(taskId));
      session.assign(create(AssignmentSchema, { attempt: ref(taskId) }));
    }
    session.acknowledge(ref("a"), true, "");
    process.nextTick(() => session.outgoing.close());
    const sent = await sentUntilClosed(session);
    expect(sent.map((message) => message.case)).toEqual(["outcomeAck", "assignment"]);
    expect(sent[0]?.case === "outcomeAck" && sent[0].value.next?.attempt?.taskId).toBe("b");
  });

  it("sends no assignment whose attempt was told to stop, or was given up, before it was rendered", async () => {
    const session = newSession(3);
    session.hold(1, 0, ref("stopped")).isStopping = true;
    for (const taskId of ["stopped", "forgotten"]) session.assign(create(AssignmentSchema, { attempt: ref(taskId) }));
    process.nextTick(() => session.outgoing.close());
    expect(await sentUntilClosed(session)).toEqual([]);
  });
});
