import { readFileSync, writeFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { type AttemptRef, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import { readProcess } from "#runner/process-table.ts";
import { firstExecutor } from "./first-executor.ts";
import { assignment, bash, FakeExecutor, patience } from "./fake-executor.testsuite.ts";
import { textOf, useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();
const isAlive = (name: string) => readProcess(Number(readFileSync(harness.file(name), "utf8")))?.isZombie === false;

test("an attempt survives a lost session, and what it said without one comes with the next", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", `echo first; while [ ! -e ${harness.file("go")} ]; do sleep 0.01; done; echo second`));
  await session.waitFor("logChunk");

  harness.executor.onHello = () => {};
  session.end();
  const again = await harness.executor.waitForSession(2);
  expect(again.hello.held.map(({ taskId }) => taskId)).toEqual(["a"]);
  expect(again.hello.incarnation).toBe(session.hello.incarnation);
  again.welcome();
  again.assign(...bash("b", `touch ${harness.file("go")}`));
  await again.waitFor("outcome", 2);

  const ofA = again.all("logChunk").filter(({ attempt }) => attempt?.taskId === "a");
  expect(ofA.map(({ sequence }) => sequence)).toEqual([1n, 2n]);
  expect(textOf(ofA)).toEqual(["first", "second"]);
});

test("an outcome whose acknowledgement got lost is sent again, and confirmed log chunks are not", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", "echo hello"));
  const outcome = await session.waitFor("outcome");
  session.send({ case: "logAck", value: { attempt: outcome.attempt as AttemptRef, sequence: 1n } });
  session.end();

  const again = await harness.executor.waitForSession(2);
  const repeated = await again.waitFor("outcome");

  expect(repeated).toEqual(outcome);
  expect(again.all("logChunk")).toEqual([]);
});

test("a short log goes with its outcome to an executor that takes it, and before it to one that does not", async () => {
  harness.executor.onHello = (next) => next.welcome({ takesLogs: harness.executor.sessions.length === 1 });
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", "echo hello"));
  const { log, ...outcome } = await session.waitFor("outcome");
  expect(textOf(log === undefined ? [] : [log])).toEqual(["hello"]);
  expect(outcome.logChunks).toBe(1n);
  expect(session.all("logChunk")).toEqual([]);
  session.end();

  const again = await harness.executor.waitForSession(2);
  expect(await again.waitFor("outcome")).toEqual(outcome);
  expect(again.all("logChunk")).toEqual([log]);
  expect(again.received.findIndex((message) => message.case === "logChunk")).toBeLessThan(
    again.received.findIndex((message) => message.case === "outcome"),
  );
});

test("the last words of what is told to stop come before its release", async () => {
  harness.executor.onHello = (next) => next.welcome({ takesLogs: true });
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  const script = `trap 'echo bye; exit' TERM; touch ${harness.file("ready")}; while :; do sleep 0.01; done`;
  session.assign(...bash("a", script));
  await harness.waitForFile("ready");
  session.send({
    case: "stopOrder",
    value: { attempt: assignment("a", "bash").attempt as AttemptRef, reason: "cancelled" },
  });
  await session.waitFor("released");
  const said = session.received
    .map((message) => message.case)
    .filter((one) => one === "logChunk" || one === "released");
  expect(said).toEqual(["logChunk", "released"]);
  expect(textOf(session.all("logChunk"))).toContain("bye");
});

test("an attempt that is no longer the worker's is killed, and its outcome forgotten", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", `echo $$ > ${harness.file("pid")}; sleep 300`));
  session.assign("b", "noop");
  await harness.waitForFile("pid");
  await session.waitFor("outcome");
  harness.executor.onHello = (next) => next.welcome({ verdicts: next.hello.held.map(() => Verdict.KILL) });

  session.end();
  const again = await harness.executor.waitForSession(2);
  await again.waitFor("released", 2);

  expect(again.all("outcome")).toEqual([]);
  expect(isAlive("pid")).toBe(false);
});

test("when beats go unanswered the worker turns to the next executor, with what it runs", async () => {
  const other = new FakeExecutor();
  harness.executor.answersBeats = false;
  harness.executor.onHello = (session) => session.welcome({ leaseMs: 10_000, intervalMs: 100 });
  const workerId = ["a", "b", "c", "d"].find((id) => firstExecutor(id, 2) === 0) ?? null;
  await harness.start({ workerId, executors: [harness.executor.transport, other.transport] });
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", `while [ ! -e ${harness.file("go")} ]; do sleep 0.01; done`));

  const elsewhere = await other.waitForSession(1);
  expect(elsewhere.hello.held.map(({ taskId }) => taskId)).toEqual(["a"]);
  elsewhere.assign(...bash("b", `touch ${harness.file("go")}`));
  await elsewhere.waitFor("outcome", 2);
  other.acknowledgeAll();
});

test("when the lease is over all is killed at once, and the worker comes back as a new incarnation (G4)", async () => {
  harness.executor.leaseMs = 1500;
  harness.executor.onHello = (session) => session.welcome({ leaseMs: harness.executor.leaseMs, intervalMs: 300 });
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("a", `trap '' TERM; setsid sleep 300 & echo $! > ${harness.file("pid")}; sleep 300`));
  await harness.waitForFile("pid");
  harness.executor.onHello = () => {};
  harness.executor.answersBeats = false;

  const startedAt = performance.now();
  await vi.waitFor(
    () => expect(harness.executor.sessions.at(-1)?.hello.incarnation).not.toBe(session.hello.incarnation),
    patience,
  );

  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(isAlive("pid")).toBe(false);
  expect(harness.executor.sessions.at(-1)?.hello).toMatchObject({
    previousIncarnation: session.hello.incarnation,
    held: [],
  });
});

test("a refused worker says so in its health and goes on trying", async () => {
  harness.executor.onHello = (session) => session.end(new AppError("WORKER_REFUSED", "a live worker has this id"));

  const worker = await harness.start();

  expect(worker.health()["session"]).toMatchObject({ status: "degraded" });
});

test("draining lets short work end, interrupts the rest after the time, and signs off", async () => {
  const worker = await harness.start({ drainTimeoutMs: 1000 });
  const session = await harness.executor.waitForSession(1);
  session.assign(
    ...bash("short", `touch ${harness.file("short")}; while [ ! -e ${harness.file("go")} ]; do sleep 0.01; done`),
  );
  session.assign(...bash("long", `touch ${harness.file("long")}; sleep 300`));
  await harness.waitForFile("short");
  await harness.waitForFile("long");

  const stopped = worker.stop();
  await session.waitFor("drainNotice");
  session.assign("late", "noop");
  await session.waitFor("outcome");
  writeFileSync(harness.file("go"), "");
  await session.waitFor("outcome", 3);
  harness.executor.acknowledgeAll();
  await stopped;

  expect(session.all("outcome").map(({ attempt, errorCode }) => [attempt?.taskId, errorCode])).toEqual([
    ["late", "interrupted"],
    ["short", ""],
    ["long", "interrupted"],
  ]);
  expect(session.isOver).toBe(true);
  expect(worker.health()["session"]).toMatchObject({ status: "unhealthy", detail: "drained" });
});

test("a task that floods its output and one that burns all CPU delay no heartbeat", async () => {
  harness.executor.onHello = (session) => session.welcome({ leaseMs: 3000, intervalMs: 100 });
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(
    ...bash("flood", "yes 'a line of some length that fills the pipe' | head -c 150000000", {
      logMaxBytes: 64_000_000n,
    }),
  );
  session.assign(...bash("burn", `while [ ! -e ${harness.file("go")} ]; do :; done`));
  const acknowledge = setInterval(() => {
    for (const { attempt, sequence } of session.all("logChunk").slice(-50)) {
      if (attempt !== undefined) session.send({ case: "logAck", value: { attempt, sequence } });
    }
  }, 5);

  const beatsAt: number[] = [];
  const watch = setInterval(() => {
    if (session.all("heartbeat").length > beatsAt.length) beatsAt.push(performance.now());
  }, 5);
  try {
    await session.waitFor("logChunk");
    await session.waitFor("heartbeat", session.all("heartbeat").length + 15);
  } finally {
    clearInterval(watch);
    clearInterval(acknowledge);
  }

  const gaps = beatsAt.slice(1).map((at, index) => at - (beatsAt[index] ?? 0));
  expect(harness.executor.sessions).toHaveLength(1);
  expect(Math.max(...gaps)).toBeLessThan(1500);
});
