import { create } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { noResources } from "#core/resource-amounts.ts";
import {
  AssignmentSchema,
  type AttemptRef,
  AttemptRefSchema,
  type SessionResponse,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { WorkerSession } from "./session.ts";

function newSession(slots: number, options: { isAlone?: () => boolean } = {}): WorkerSession {
  return new WorkerSession({
    workerKey: 1,
    workerId: "w",
    sessionNumber: 1,
    slots,
    queues: ["default"],
    traits: { labels: {}, operators: [], capabilities: [] },
    resources: { ...noResources, gpus: 3 },
    leaseMs: 15_000,
    counts: { succeeded: 0, failed: 0 },
    isAlone: options.isAlone ?? (() => true),
    offerMs: 15_000,
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

const gpus = (count: number) => ({ ...noResources, gpus: count });

describe("WorkerSession", () => {
  it("counts what held and reserved attempts ask for against its resources", () => {
    const session = newSession(5);
    expect(session.room).toEqual(gpus(3));
    session.hold(1, 0, ref("a"), gpus(1));
    session.hold(1, 1, ref("b"));
    session.reserve(1, gpus(2));
    session.reserve(1);
    expect(session.room).toEqual(gpus(0));
    session.unreserve(1);
    session.unreserve(1, gpus(2));
    expect(session.room).toEqual(gpus(2));
    session.forget(ref("a"));
    expect(session.room).toEqual(gpus(3));
  });

  it("keeps a slot and all that is left for what it is reserved for", () => {
    const session = newSession(2);
    session.hold(1, 0, ref("a"), gpus(1));
    session.reservedFor = { runKey: 1, ordinal: 1, reservedAt: 0 };
    expect({ freeSlots: session.freeSlots, room: session.room }).toEqual({ freeSlots: 0, room: noResources });
    expect([2, 3].map((count) => session.hasRoomFor(gpus(count)))).toEqual([true, false]);
    session.hold(1, 2, ref("b"));
    expect(session.hasRoomFor(gpus(2))).toBe(false);
  });

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
    draining.condition.noteDrain("");
    const ordered = newSession(3);
    ordered.orderDrain("a new kernel");
    const closed = newSession(3);
    closed.outgoing.close();
    expect([draining, ordered, closed].map((session) => session.freeSlots)).toEqual([0, 0, 0]);
  });

  it("has signed off when it said itself that it drains, not when it was only told to", () => {
    const session = newSession(1);
    session.orderDrain("a new kernel");
    expect(session.isFinished).toBe(false);
    session.condition.noteDrain("a new kernel");
    expect(session.isFinished).toBe(true);
  });

  it.each([
    ["a full disk", false, true, 0],
    ["a busy cpu, beside other workers", true, false, 0],
    ["a busy cpu, alone", true, true, 3],
  ])("takes of new work, with %s: yields %s, alone %s, free %i", (_name, yields, alone, free) => {
    const session = newSession(3, { isAlone: () => alone });
    session.condition.noteBeat({ reason: "full", yields }, null);
    expect(session.freeSlots).toBe(free);
    expect(session.condition.report).toMatchObject({ status: "degraded", statusReason: "full" });
    session.condition.noteBeat(null, null);
    expect(session.freeSlots).toBe(3);
    expect(session.condition.report.status).toBe("healthy");
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
    session.condition.noteRenewed();
    expect(session.freeSlots).toBe(3);
  });

  it("finds an attempt lost that two heartbeats in a row leave out, but not one whose outcome is being written", () => {
    const session = newSession(3);
    session.hold(1, 0, ref("lost")).isSent = true;
    session.hold(1, 1, ref("listed")).isSent = true;
    const reported = session.hold(1, 2, ref("reported"));
    reported.isSent = true;
    reported.isReported = true;
    session.answerBeat(1n, 1000);
    expect(session.noteBeat([ref("listed")], 2)).toEqual([]);
    expect(session.noteBeat([ref("listed")], 3).map((attempt) => attempt.ref.taskId)).toEqual(["lost"]);
  });

  it("counts no heartbeat that may have been sent before the assignment came", () => {
    const session = newSession(3);
    const attempt = session.hold(1, 0, ref("a"));
    session.answerBeat(1n, 1000);
    attempt.isSent = true;
    for (const sequence of [2, 2]) expect(session.noteBeat([], sequence)).toEqual([]);
    session.answerBeat(2n, 1000);
    expect(session.noteBeat([], 3)).toEqual([]);
    expect(session.noteBeat([], 4)).toEqual([attempt]);
  });

  it("forgets a missed heartbeat once the attempt is listed again", () => {
    const session = newSession(3);
    session.hold(1, 0, ref("a")).isSent = true;
    session.answerBeat(1n, 1000);
    session.noteBeat([], 2);
    session.noteBeat([ref("a")], 3);
    expect(session.noteBeat([], 4)).toEqual([]);
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

  it("answers every claim: with the assignment, or with a drop once there will be none", async () => {
    const session = newSession(3);
    for (const taskId of ["assigned", "stopped", "ended"]) {
      session.awaitReply(ref(taskId));
      session.hold(1, 0, ref(taskId)).isStopping = taskId === "stopped";
    }
    for (const taskId of ["assigned", "stopped"]) session.assign(create(AssignmentSchema, { attempt: ref(taskId) }));
    session.forget(ref("ended"));
    process.nextTick(() => session.outgoing.close());
    const answers = (await sentUntilClosed(session)).map((message) =>
      message.case === "claimReply" ? [message.value.attempt?.taskId, message.value.verdict.case] : [message.case],
    );
    expect(answers).toEqual([
      ["ended", "drop"],
      ["assigned", "assignment"],
      ["stopped", "drop"],
    ]);
  });

  it("sends no assignment whose attempt was told to stop, or was given up, before it was rendered", async () => {
    const session = newSession(3);
    session.hold(1, 0, ref("stopped")).isStopping = true;
    for (const taskId of ["stopped", "forgotten"]) session.assign(create(AssignmentSchema, { attempt: ref(taskId) }));
    process.nextTick(() => session.outgoing.close());
    expect(await sentUntilClosed(session)).toEqual([]);
  });
});
