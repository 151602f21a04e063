import { readdirSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { systemClock } from "#clock/system-clock.ts";
import { createLogger } from "#telemetry/logger.ts";
import { type AttemptRef, keyOf } from "./attempt.ts";
import { DiskSpool } from "./disk-spool.ts";
import { patience } from "./fake-executor.testsuite.ts";
import { openOutcomeFolder } from "./outcome-folder.ts";
import { useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();
const logger = createLogger({ level: "silent", format: "json", component: "test" });
const ref: AttemptRef = { dagRunId: "r", taskId: "a", mapIndex: null, generation: 1, tryNumber: 1, fence: 7n };

/** What a worker leaves that was killed before its outcome was acknowledged. */
async function leaveOutcome(): Promise<void> {
  const { folder } = await openOutcomeFolder(harness.file("worker/outcomes"), logger);
  const spool = new DiskSpool({ folder, outcomes: [], clock: systemClock, logger });
  const report = { kind: "success", exitCode: 0, durationMs: 1, logChunks: 0, outputs: [] } as const;
  spool.put({ key: keyOf(ref), ref, report });
  await spool.close();
}

describe("an outcome that is kept", () => {
  test("by an earlier start is named in the hello, sent at once, and gone from the disk when it is acknowledged", async () => {
    await leaveOutcome();
    await harness.start();
    const session = await harness.executor.waitForSession(1);

    const named = { dagRunId: "r", taskId: "a", fence: 7n };
    expect(session.hello).toMatchObject({ held: [named], outcomes: [named] });
    const outcome = await session.waitFor("outcome");
    expect(outcome).toMatchObject({ attempt: named, exitCode: 0 });
    session.acknowledge(outcome);
    await vi.waitFor(() => expect(readdirSync(harness.file("worker/outcomes"))).toEqual([]), patience);
  });

  test("is named with every session until it is acknowledged", async () => {
    await harness.start();
    const session = await harness.executor.waitForSession(1);
    session.assign("slow", "noop");
    const outcome = await session.waitFor("outcome");
    session.end();
    const again = await harness.executor.waitForSession(2);

    expect(again.hello.outcomes).toMatchObject([{ taskId: "slow" }]);
    again.acknowledge(outcome);
  });
});

test("an order to drain lets a worker finish, and then its process has nothing left to do", async () => {
  const worker = await harness.start({ drainTimeoutMs: 60_000 });
  const session = await harness.executor.waitForSession(1);
  session.assign("a", "noop");
  session.send({ case: "drain", value: { reason: "a new kernel" } });

  expect(await session.waitFor("drainNotice")).toMatchObject({ reason: "a new kernel" });
  session.acknowledge(await session.waitFor("outcome"));
  await worker.ended?.();
  expect(worker.health()["session"]).toEqual({ status: "unhealthy", detail: "drained" });
});

describe("a worker that is refused", () => {
  const refuse = (): void => {
    harness.executor.onHello = (session) =>
      session.end(new AppError("WORKER_REFUSED", "worker w speaks session protocol 2, this executor 1"));
  };

  test("says why in its health, and goes on trying", async () => {
    refuse();
    const worker = await harness.start();

    await vi.waitFor(
      () =>
        expect(worker.health()["session"]).toMatchObject({
          status: "degraded",
          detail: expect.stringContaining("speaks session protocol 2") as string,
        }),
      patience,
    );
  });

  test("ends with the reason where it is told to", async () => {
    refuse();
    const worker = await harness.start({ endsWhenRefused: true });

    await expect(worker.ended?.()).rejects.toMatchObject({ code: "WORKER_REFUSED" });
  });
});

test("heartbeats tell how full the machine is", async () => {
  harness.executor.onHello = (session) => session.welcome({ intervalMs: 50, leaseMs: 15_000 });
  await harness.start();
  const session = await harness.executor.waitForSession(1);

  await vi.waitFor(() => {
    const usage = session.all("heartbeat").at(-1)?.usage;
    expect(usage?.memoryPercent).toBeGreaterThan(0);
    expect(usage?.diskPercent).toBeGreaterThan(0);
  }, patience);
});
