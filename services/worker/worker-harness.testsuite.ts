import { mkdtempSync, existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { LogChunk } from "#gen/millrace/v1/worker_session_service_pb.js";
import { createTestHost } from "#operators/operator-context.testsuite.ts";
import { builtInCatalog } from "#operators/operator-catalog.ts";
import type { Service } from "#rpc/service.ts";
import { noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import { createLogger } from "#telemetry/logger.ts";
import { FakeExecutor, patience } from "./fake-executor.testsuite.ts";
import { createWorker, type WorkerOptions } from "./worker.ts";

/** The secrets that workers of tests know. */
export const testSecrets = { MILLRACE_SECRET_TOKEN: "hunter2-token", MILLRACE_SECRET_OTHER: "another one" };

const logger = createLogger({ level: "silent", format: "json", component: "test" });

/** A data directory and an executor in the test's hand for each test, and workers that end with it. */
export interface WorkerHarness {
  readonly dataDir: string;
  readonly executor: FakeExecutor;
  start(options?: Partial<WorkerOptions>): Promise<Service>;
  /** A path in the data directory. */
  file(name: string): string;
  waitForFile(name: string): Promise<void>;
}

export function useWorkers(): WorkerHarness {
  let dataDir = "";
  let executor = new FakeExecutor();
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
  const file = (name: string): string => join(dataDir, name);
  return {
    get dataDir() {
      return dataDir;
    },
    get executor() {
      return executor;
    },
    async start(options = {}) {
      const worker = createWorker({
        version: "0.0.0-test",
        workerId: null,
        dataDir,
        executors: [executor.transport],
        queues: ["default"],
        slots: 4,
        labels: { zone: "a" },
        resources: {},
        findEnclosures: () => Promise.resolve(noEnclosures),
        containers: { pull: "missing", mountRoots: [] },
        drainTimeoutMs: 0,
        endsWhenRefused: false,
        bus: null,
        host: createTestHost(),
        operators: builtInCatalog,
        secrets: createSecretSource({ environment: testSecrets, directory: null, command: null }),
        logger,
        ...options,
      });
      await worker.start();
      workers.push(worker);
      return worker;
    },
    file,
    waitForFile: (name) => vi.waitFor(() => expect(existsSync(file(name))).toBe(true), patience),
  };
}

export function textOf(chunks: readonly LogChunk[]): readonly string[] {
  return chunks.flatMap(({ entries }) => entries.map(({ text }) => text));
}
