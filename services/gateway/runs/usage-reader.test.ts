import { expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { InstanceView } from "#ports/run-views.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { logger } from "../gateway-harness.testsuite.ts";
import { createUsageReader } from "./usage-reader.ts";

const attempt = { dagRunId: "r", taskId: "a", generation: 1, tryNumber: 2 };
const view = { runId: "r", taskId: "a", mapIndex: null, tryNumber: 2, state: "running", workerId: "w" } as InstanceView;

/** An executor to which worker `w` is connected, or not. */
function executor(usages: readonly object[], asked: string[][] = []) {
  const listUsage = ({ workerIds }: { workerIds: string[] }) => {
    asked.push(workerIds);
    return { usages: [...usages] };
  };
  return createInProcessTransport((router) => router.service(ExecutorService, { listUsage }), { logger });
}

const broken = createInProcessTransport(
  (router) =>
    router.service(ExecutorService, {
      listUsage: () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "away")),
    }),
  { logger },
);

test("all executors are asked, and one that fails keeps nobody from what the others tell", async () => {
  const told = executor([
    { ...attempt, mapIndex: 3, usage: { processes: 9 } },
    { ...attempt, usage: { processes: 4 } },
  ]);
  const reader = createUsageReader(async () => [broken, executor([]), told], Date.now);
  expect(await reader.ofInstance(view)).toMatchObject({ processes: 4 });
  expect(await reader.ofInstance({ ...view, mapIndex: 3 })).toMatchObject({ processes: 9 });
  expect(await reader.ofInstance({ ...view, tryNumber: 1 })).toBeUndefined();
});

test("nobody is asked of what does not run, nor where nobody can be", async () => {
  const asked: string[][] = [];
  const reader = createUsageReader(async () => [executor([], asked)], Date.now);
  expect(await reader.ofInstance({ ...view, state: "success" })).toBeUndefined();
  expect(await reader.ofInstance({ ...view, workerId: null })).toBeUndefined();
  expect(await reader.ofWorkers([])).toEqual([]);
  expect(asked).toEqual([]);
  const lost = createUsageReader(() => Promise.reject(new Error("no addresses")), Date.now);
  expect(await lost.ofWorkers(["w"])).toEqual([]);
});

test("an executor that gave no answer is left alone for ten seconds", async () => {
  let calls = 0;
  const hanging = createInProcessTransport(
    (router) =>
      router.service(ExecutorService, {
        listUsage: (_request, { signal }) => {
          calls += 1;
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(new Error("aborted"))),
          );
        },
      }),
    { logger },
  );
  const told = executor([{ ...attempt, usage: { processes: 4 } }]);
  let now = 0;
  const reader = createUsageReader(
    async () => [hanging, told],
    () => now,
  );
  const read = async () => [(await reader.ofInstance(view))?.processes, calls];
  expect(await read()).toEqual([4, 1]);
  now = 9_999;
  expect(await read()).toEqual([4, 1]);
  now = 10_000;
  expect(await read()).toEqual([4, 2]);
});
