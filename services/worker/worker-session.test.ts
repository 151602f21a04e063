import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { type AttemptRef, type LogChunk, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Service } from "#rpc/service.ts";
import { readProcess } from "#runner/process-table.ts";
import { createLogger } from "#telemetry/logger.ts";
import { bash, FakeExecutor, patience } from "./fake-executor.testsuite.ts";
import { createWorker, type WorkerOptions } from "./worker.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

let dataDir: string;
let executor: FakeExecutor;
const workers: Service[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-worker-"));
  executor = new FakeExecutor();
});
afterEach(async () => {
  executor.acknowledgeAll();
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(options: Partial<WorkerOptions> = {}): Promise<Service> {
  const worker = createWorker({
    version: "0.0.0-test",
    workerId: null,
    dataDir,
    executors: [executor.transport],
    queues: ["default"],
    slots: 4,
    labels: { zone: "a" },
    drainTimeoutMs: 0,
    logger,
    ...options,
  });
  await worker.start();
  workers.push(worker);
  return worker;
}

const textOf = (chunks: readonly LogChunk[]) => chunks.flatMap(({ entries }) => entries.map(({ text }) => text));
const file = (name: string) => join(dataDir, name);
const isAlive = (name: string) => readProcess(Number(readFileSync(file(name), "utf8")))?.isZombie === false;
const waitForFile = (name: string) => vi.waitFor(() => expect(existsSync(file(name))).toBe(true), patience);

test("an attempt survives a lost session, and what it said without one comes with the next", async () => {
  await start();
  const session = await executor.waitForSession(1);
  session.assign(...bash("a", `echo first; while [ ! -e ${file("go")} ]; do sleep 0.01; done; echo second`));
  await session.waitFor("logChunk");

  executor.onHello = () => {};
  session.end();
  const again = await executor.waitForSession(2);
  expect(again.hello.held.map(({ taskId }) => taskId)).toEqual(["a"]);
  expect(again.hello.incarnation).toBe(session.hello.incarnation);
  again.welcome();
  again.assign(...bash("b", `touch ${file("go")}`));
  await again.waitFor("outcome", 2);

  const ofA = again.all("logChunk").filter(({ attempt }) => attempt?.taskId === "a");
  expect(ofA.map(({ sequence }) => sequence)).toEqual([1n, 2n]);
  expect(textOf(ofA)).toEqual(["first", "second"]);
});

test("an outcome whose acknowledgement got lost is sent again, and confirmed log chunks are not", async () => {
  await start();
  const session = await executor.waitForSession(1);
  session.assign(...bash("a", "echo hello"));
  const outcome = await session.waitFor("outcome");
  session.send({ case: "logAck", value: { attempt: outcome.attempt as AttemptRef, sequence: 1n } });
  session.end();

  const again = await executor.waitForSession(2);
  const repeated = await again.waitFor("outcome");

  expect(repeated).toEqual(outcome);
  expect(again.all("logChunk")).toEqual([]);
});

test("an attempt that is no longer the worker's is killed, and its outcome forgotten", async () => {
  await start();
  const session = await executor.waitForSession(1);
  session.assign(...bash("a", `echo $$ > ${file("pid")}; sleep 300`));
  session.assign("b", "noop");
  await waitForFile("pid");
  await session.waitFor("outcome");
  executor.onHello = (next) => next.welcome({ verdicts: next.hello.held.map(() => Verdict.KILL) });

  session.end();
  const again = await executor.waitForSession(2);
  await again.waitFor("released", 2);

  expect(again.all("outcome")).toEqual([]);
  expect(isAlive("pid")).toBe(false);
});

test("when beats go unanswered the worker turns to the next executor, with what it runs", async () => {
  const other = new FakeExecutor();
  executor.answersBeats = false;
  executor.onHello = (session) => session.welcome({ leaseMs: 10_000, intervalMs: 100 });
  await start({ executors: [executor.transport, other.transport] });
  const session = await executor.waitForSession(1);
  session.assign(...bash("a", `while [ ! -e ${file("go")} ]; do sleep 0.01; done`));

  const elsewhere = await other.waitForSession(1);
  expect(elsewhere.hello.held.map(({ taskId }) => taskId)).toEqual(["a"]);
  elsewhere.assign(...bash("b", `touch ${file("go")}`));
  await elsewhere.waitFor("outcome", 2);
  other.acknowledgeAll();
});

test("when the lease is over all is killed at once, and the worker comes back as a new incarnation (G4)", async () => {
  executor.leaseMs = 1500;
  executor.onHello = (session) => session.welcome({ leaseMs: executor.leaseMs, intervalMs: 300 });
  await start();
  const session = await executor.waitForSession(1);
  session.assign(...bash("a", `trap '' TERM; setsid sleep 300 & echo $! > ${file("pid")}; sleep 300`));
  await waitForFile("pid");
  executor.onHello = () => {};
  executor.answersBeats = false;

  const startedAt = performance.now();
  await vi.waitFor(
    () => expect(executor.sessions.at(-1)?.hello.incarnation).not.toBe(session.hello.incarnation),
    patience,
  );

  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(isAlive("pid")).toBe(false);
  expect(executor.sessions.at(-1)?.hello).toMatchObject({ previousIncarnation: session.hello.incarnation, held: [] });
});

test("a refused worker says so in its health and goes on trying", async () => {
  executor.onHello = (session) => session.end(new AppError("WORKER_REFUSED", "a live worker has this id"));

  const worker = await start();

  expect(worker.health()["session"]).toMatchObject({ status: "degraded" });
});

test("draining lets short work end, interrupts the rest after the time, and signs off", async () => {
  const worker = await start({ drainTimeoutMs: 1000 });
  const session = await executor.waitForSession(1);
  session.assign(...bash("short", `touch ${file("short")}; while [ ! -e ${file("go")} ]; do sleep 0.01; done`));
  session.assign(...bash("long", `touch ${file("long")}; sleep 300`));
  await waitForFile("short");
  await waitForFile("long");

  const stopped = worker.stop();
  await session.waitFor("drainNotice");
  session.assign("late", "noop");
  await session.waitFor("outcome");
  writeFileSync(file("go"), "");
  await session.waitFor("outcome", 3);
  executor.acknowledgeAll();
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
  executor.onHello = (session) => session.welcome({ leaseMs: 3000, intervalMs: 100 });
  await start();
  const session = await executor.waitForSession(1);
  session.assign(
    ...bash("flood", "yes 'a line of some length that fills the pipe' | head -c 150000000", {
      logMaxBytes: 64_000_000n,
    }),
  );
  session.assign(...bash("burn", `while [ ! -e ${file("go")} ]; do :; done`));
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
    await session.waitFor("heartbeat", 15);
  } finally {
    clearInterval(watch);
    clearInterval(acknowledge);
  }

  const gaps = beatsAt.slice(1).map((at, index) => at - (beatsAt[index] ?? 0));
  expect(executor.sessions).toHaveLength(1);
  expect(Math.max(...gaps)).toBeLessThan(1500);
  expect(session.all("logChunk").length).toBeGreaterThan(0);
});
