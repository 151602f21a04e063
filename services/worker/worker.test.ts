import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import { assignment, bash } from "./fake-executor.testsuite.ts";
import { textOf, useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();

test("a worker introduces itself, keeps its id over a restart and names the incarnation that it follows", async () => {
  const worker = await harness.start();
  const first = (await harness.executor.waitForSession(1)).hello;
  await worker.stop();
  await harness.start();
  const second = (await harness.executor.waitForSession(2)).hello;

  expect(first).toMatchObject({
    slots: 4,
    queues: ["default"],
    labels: { zone: "a" },
    protocolVersion: 1,
    previousIncarnation: "",
  });
  expect(first.capabilities).toContain("bash");
  expect(second.workerId).toBe(first.workerId);
  expect(second.incarnation).not.toBe(first.incarnation);
  expect(second.previousIncarnation).toBe(first.incarnation);
});

test("a worker says what its attempts may ask for together: what is set, else what the machine has", async () => {
  await harness.start({ resources: { memoryBytes: 2 ** 30, gpus: 3 } });
  const { resources } = (await harness.executor.waitForSession(1)).hello;

  expect(resources).toMatchObject({ cpu: availableParallelism(), memoryBytes: 2n ** 30n, gpus: 3 });
  expect(resources?.diskBytes).toBeGreaterThan(0n);
});

test("a second worker on the same data directory is refused, and one after the end of the first is not", async () => {
  const worker = await harness.start();

  await expect(harness.start()).rejects.toMatchObject({
    code: "DATA_DIR_UNUSABLE",
    message: expect.stringContaining("another worker"),
  });
  await worker.stop();
  await harness.start();
});

test("an attempt runs with its variables, its log comes before its outcome, and its outputs are read", async () => {
  await harness.start({ workerId: "w1" });
  const session = await harness.executor.waitForSession(1);

  session.assign(
    ...bash("a", 'echo "$MILLRACE_RUN_ID $MILLRACE_LOGICAL_DATE $A $B $V1"; echo "n=5" > "$MILLRACE_OUTPUT"', {
      operator: {
        bash_command: 'echo "$MILLRACE_RUN_ID $MILLRACE_LOGICAL_DATE $A $B $V1"; echo "n=5" > "$MILLRACE_OUTPUT"',
        environment: { B: 2 },
      },
      environment: { A: "task", B: "task" },
      values: { V1: "value" },
      captureStdout: true,
    }),
  );
  const outcome = await session.waitFor("outcome");

  expect(outcome).toMatchObject({ kind: OutcomeKind.SUCCESS, exitCode: 0, logChunks: 1n });
  expect(outcome.outputs.map(({ key, json }) => [key, json])).toEqual([
    ["return_value", '"run1 2026-01-02T00:00:00.000Z task 2 value"'],
    ["n", '"5"'],
  ]);
  expect(session.received.map((message) => message.case)).toEqual(["hello", "logChunk", "outcome"]);
  expect(session.all("logChunk")[0]).toMatchObject({ sequence: 1n });
});

test("tasks see none of the worker's own variables", async () => {
  vi.stubEnv("DATABASE_URL", "postgres://user:secret@host/db");
  vi.stubEnv("MILLRACE_TOKEN", "secret");
  try {
    await harness.start();
    const session = await harness.executor.waitForSession(1);
    session.assign(...bash("a", "env; cat /proc/$PPID/environ | tr '\\0' '\\n'"));
    const outcome = await session.waitFor("outcome");
    session.acknowledge(outcome);

    expect(outcome.kind).toBe(OutcomeKind.SUCCESS);
    expect(textOf(session.all("logChunk")).join("\n")).toContain("MILLRACE_TASK_ID=a");
    expect(textOf(session.all("logChunk")).join("\n")).not.toMatch(/DATABASE_URL|secret/);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("a noop is answered in the turn of the loop in which it came, and touches no file", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  const next = assignment("b", "noop");

  session.assign("a", "noop");
  await new Promise((resolve) => setImmediate(resolve));
  const [first] = session.all("outcome");
  if (first === undefined) throw new Error("not answered in the same turn");
  session.acknowledge(first, next);
  await new Promise((resolve) => setImmediate(resolve));

  expect(session.all("outcome").map(({ attempt, kind }) => [attempt?.taskId, kind])).toEqual([
    ["a", OutcomeKind.SUCCESS],
    ["b", OutcomeKind.SUCCESS],
  ]);
  expect(existsSync(harness.file("worker/attempts"))).toBe(false);
});

test("a timeout is reported as such, exactly once, for processes and for operators without one", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("warm", "true"));
  session.acknowledge(await session.waitFor("outcome"));
  session.received.splice(0);
  const timeout = durationFromMs(500);

  session.assign(
    ...bash("a", "trap '' TERM; while :; do sleep 1; done", { timeout, gracePeriod: durationFromMs(100) }),
  );
  session.assign("b", "millrace.test.sleep", { timeout });
  await session.waitFor("outcome", 2);

  const outcomes = session
    .all("outcome")
    .toSorted((x, y) => (x.attempt?.taskId ?? "").localeCompare(y.attempt?.taskId ?? ""));
  expect(outcomes.map(({ kind, errorCode, errorMessage }) => [kind, errorCode, errorMessage])).toEqual([
    [OutcomeKind.FAILED, "timeout", "timed out after 500ms"],
    [OutcomeKind.FAILED, "timeout", "timed out after 500ms"],
  ]);
  expect(outcomes[0]?.signal).toBe("SIGKILL");
});

test("failures carry their codes: exit code, invalid output, unknown operator, variable that is too large", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);

  session.assign(...bash("a", "echo oops >&2; exit 9"));
  session.assign(...bash("b", 'echo "no pair" > "$MILLRACE_OUTPUT"'));
  session.assign("c", "bahs");
  session.assign(...bash("d", "true", { values: { V1: "x".repeat(140_000) } }));
  await session.waitFor("outcome", 4);

  const byTask = Object.fromEntries(session.all("outcome").map((outcome) => [outcome.attempt?.taskId, outcome]));
  expect(byTask["a"]).toMatchObject({ errorCode: "exit_code", exitCode: 9, errorMessage: "exit code 9: oops" });
  expect(byTask["b"]).toMatchObject({
    errorCode: "invalid_output",
    errorMessage: expect.stringContaining("neither key=value"),
  });
  expect(byTask["c"]).toMatchObject({
    errorCode: "configuration",
    errorMessage: expect.stringContaining("the nearest is bash"),
  });
  expect(byTask["d"]).toMatchObject({ errorCode: "configuration", errorMessage: expect.stringContaining("V1") });
});

test("a stopped attempt is released when it is dead, without an outcome, and keeps its log", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(
    ...bash("a", `trap 'echo bye; exit 0' TERM; touch ${harness.file("ready")}; while :; do sleep 0.01; done`),
  );
  await harness.waitForFile("ready");

  session.send({
    case: "stopOrder",
    value: { attempt: assignment("a", "").attempt, reason: "cancelled", grace: durationFromMs(5000) },
  });
  await session.waitFor("released");

  expect(session.all("outcome")).toEqual([]);
  expect(textOf(session.all("logChunk"))).toContain("bye");
});

test("an attempt that is assigned twice runs once", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  const command = `echo run >> ${harness.file("runs")}; while [ ! -e ${harness.file("go")} ]; do sleep 0.01; done`;

  session.assign(...bash("a", command));
  session.assign(...bash("a", command));
  await harness.waitForFile("runs");
  session.assign(...bash("b", `touch ${harness.file("go")}`));
  await session.waitFor("outcome", 2);

  expect(readFileSync(harness.file("runs"), "utf8")).toBe("run\n");
});
