import { createClient } from "@connectrpc/connect";
import { expect, onTestFinished, test, vi } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import { type RunningServer, startServer } from "#rpc/server.ts";
import { createPeerTransport } from "#rpc/transport.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { createScheduler } from "./scheduler.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";

const anyTime = { timeout: 20_000, interval: 20 };

/** A scheduler of its own on a port, which writes its name into `made` for each run that it makes. */
async function serve(name: string, store: Store, made: string[], port = 0): Promise<RunningServer> {
  const runs: Store["runs"] = {
    ...store.runs,
    async createRun(run) {
      const result = await store.runs.createRun(run);
      if (result.kind === "created") made.push(name);
      return result;
    },
  };
  const service = createScheduler({
    store: { ...store, runs },
    schedulerId: name,
    leaseMs: 8000,
    pollingIntervalMs: 5000,
    logger: silentLogger,
  });
  await service.start();
  onTestFinished(() => service.stop());
  const server = await startServer({ host: "127.0.0.1", port, routes: service.routes, logger: silentLogger });
  onTestFinished(() => server.close());
  return server;
}

function count(made: readonly string[], name: string): number {
  return made.filter((maker) => maker === name).length;
}

test("two schedulers share the triggers; one that stops fails none, and has its share again when it is back", async () => {
  const harness = await openPostgresHarness(() => buildPlan([{ id: "a" }]));
  onTestFinished(() => harness.close());
  await registerDefinition(harness.store, emptyDefinition("etl", {}));
  const stores = [await harness.openAnother(), await harness.openAnother()] as const;
  const made: string[] = [];
  const first = await serve("one", stores[0], made);
  const second = await serve("two", stores[1], made);
  const transport = createPeerTransport({ addresses: [first.url, second.url], logger: silentLogger });
  onTestFinished(() => transport.close());
  const gateway = createClient(SchedulerService, transport);
  const trigger = async (requestId = ""): Promise<string> =>
    (await gateway.createRun({ trigger: { dagId: "etl", requestId }, caller: "test" })).dagRunId;

  // All are sent before one of them ends.
  const together = await Promise.all(Array.from({ length: 10 }, () => trigger()));
  expect(new Set(together).size).toBe(10);
  expect([count(made, "one"), count(made, "two")]).toEqual([5, 5]);
  const ids: string[] = [];
  for (let repeat = 0; repeat < 4; repeat += 1) ids.push(await trigger("the same request"));
  expect(new Set(ids).size).toBe(1);

  await first.close();
  made.splice(0);
  for (let call = 0; call < 6; call += 1) await trigger();
  expect(made).toEqual(Array.from({ length: 6 }, () => "two"));

  await serve("one", stores[0], made, first.port);
  await vi.waitFor(async () => {
    await trigger();
    expect(made).toContain("one");
  }, anyTime);
});
