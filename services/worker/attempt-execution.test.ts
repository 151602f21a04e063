import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { createTestHost } from "#operators/operator-context.testsuite.ts";
import { builtInCatalog } from "#operators/operator-catalog.ts";
import { noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { RunnerClient } from "#runner/runner-client.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { Assignment } from "./attempt.ts";
import { type Execution, startExecution } from "./attempt-execution.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const patience = { timeout: 10_000, interval: 5 };
const graceMs = 60_000;

let dataDir = "";
let runner: RunnerClient;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-execution-"));
  runner = new RunnerClient({ dataDir, environment: { PATH: process.env["PATH"] ?? "" }, logger });
});
afterEach(async () => {
  await runner.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts a task whose shell is this script; resolves when the shell looks at the syntax. */
async function startChecking(onTerm: string): Promise<Execution> {
  const shell = join(dataDir, "bash");
  const begun = join(dataDir, "begun");
  const script = `#!/bin/sh\ntrap '${onTerm}' TERM\ntouch ${begun}\nwhile :; do sleep 0.02; done\n`;
  writeFileSync(shell, script, { mode: 0o755 });
  const owner = { worker: "w", home: dataDir };
  const containers = { pull: "missing", mountRoots: [], dataDirectory: dataDir, owner } as const;
  const execution = startExecution(assignmentOf({ shell, bash_command: "if true; then echo ran; fi" }), {
    runner,
    host: createTestHost(),
    operators: builtInCatalog,
    secrets: createSecretSource({ environment: {}, directory: null, command: null }),
    hostVariables: { PATH: process.env["PATH"] ?? "" },
    enclosures: noEnclosures,
    containers,
    onLog: () => {},
    sendArtifact: () => Promise.reject(new Error("it leaves none")),
  });
  await vi.waitFor(() => expect(existsSync(begun)).toBe(true), patience);
  return execution;
}

function assignmentOf(operator: Assignment["operator"]): Assignment {
  return {
    ref: { dagRunId: "r", taskId: "t", mapIndex: null, generation: 1, tryNumber: 1, fence: 1n },
    dagId: "d",
    operatorType: "bash",
    operator,
    environment: {},
    values: {},
    parameters: {},
    secrets: {},
    timeoutMs: null,
    graceMs,
    logicalDate: "2026-01-01T00:00:00Z",
    dagDirectory: "",
    traceparent: "",
    idempotencyKey: "r/t/1.1",
    maxTries: 1,
    captureStdout: false,
    logMaxBytes: 1000,
    requests: noResources,
  };
}

test("a task that is stopped while its syntax is checked is no success, though nothing was wrong with it", async () => {
  const execution = await startChecking("exit 0");
  execution.stop("drain", graceMs);
  expect(await execution.ended).toMatchObject({ kind: "failed", code: "interrupted" });
});

test("a check of the syntax that the runner ends with the lease is lost with the worker", async () => {
  const execution = await startChecking("");
  runner.setLease(0);
  expect(await execution.ended).toMatchObject({ kind: "failed", code: "worker_lost" });
});
