import { createClient } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import { createInProcessTransport } from "#rpc/transport.ts";
import { logger, memoryStore, openGateway } from "../gateway-harness.testsuite.ts";

it("tells the scheduler when the caller of a trigger has gone", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const scheduler = createInProcessTransport(
    (router) =>
      router.service(SchedulerService, {
        createRun: (_, { signal }) => {
          asked.resolve(signal);
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(new Error("nobody waits"))),
          );
        },
      }),
    { logger },
  );
  const { gateway } = openGateway(memoryStore(), null, scheduler);
  const leaving = new AbortController();
  const client = createClient(RunService, createInProcessTransport(gateway.routes, { logger }));
  const answer = client.triggerDagRun({ dagId: "etl" }, { signal: leaving.signal }).catch(() => "gone");
  const signal = await asked.promise;
  expect(signal.aborted).toBe(false);
  leaving.abort();
  expect(await answer).toBe("gone");
  expect(signal.aborted).toBe(true);
});
