import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { StoreFacts } from "#ports/consistency-store.ts";
import { hello, registerWorker } from "#testing/worker-builder.ts";
import { openGateway } from "../gateway-harness.testsuite.ts";
import { checkInstallation } from "./installation-checks.ts";
import { createDoctorService } from "./doctor-service.ts";

type Json = Record<string, unknown>;

async function open() {
  const harness = openGateway();
  const { url } = await harness.serve();
  const post = async (body: unknown): Promise<Json> => {
    const init = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    return (await (await fetch(`${url}/api/v1/doctor`, init)).json()) as Json;
  };
  return { ...harness, post };
}

test("POST /api/v1/doctor tells of the installation first, then page by page of the state", async () => {
  const { store, post, asked } = await open();
  await registerWorker(store, hello("w", { version: "1.2.3" }));
  const first = await post({ repair: true });
  const checks = first["checks"] as readonly Json[];
  expect(checks.map(({ name, status }) => [name, status])).toEqual([
    ["database", "ok"],
    ["migrations", "ok"],
    ["clock", "ok"],
    ["workers", "ok"],
    ["versions", "ok"],
  ]);
  expect(first).toMatchObject({ findings: [{ check: "run_state", subject: "one" }], next_cursor: "ended:7" });
  const second = await post({ cursor: first["next_cursor"] });
  expect(second).toMatchObject({ checks: [], findings: [{ subject: "two" }], next_cursor: "", checked_runs: 2 });
  const requests = asked.map(({ request }) => request);
  expect(requests).toMatchObject([
    { repair: true, cursor: "" },
    { repair: false, cursor: "ended:7" },
  ]);
});

const healthy: StoreFacts = {
  now: 1000,
  unsafeSettings: [],
  migrations: [],
  workerVersions: [{ workerId: "w", version: "1" }],
};

test.each<[name: string, status: string, fix: RegExp, facts: Partial<StoreFacts>]>([
  ["database", "problem", /set it to on/, { unsafeSettings: ["fsync"] }],
  ["migrations", "problem", /millrace db migrate/, { migrations: [{ name: "0009_x", state: "pending" }] }],
  ["migrations", "problem", /restore the files/, { migrations: [{ name: "0001_x", state: "changed" }] }],
  ["migrations", "warning", /upgrade/, { migrations: [{ name: "0099_x", state: "unknown" }] }],
  ["clock", "warning", /synchronize/, { now: 9000 }],
  ["workers", "warning", /start worker/, { workerVersions: [] }],
  ["workers", "warning", /upgrade/, { workerVersions: [{ workerId: "old", version: "0" }] }],
])("%s is a %s with its fix", async (name, status, fix, facts) => {
  const consistency = { describe: async () => ({ ...healthy, ...facts }) };
  const checks = await checkInstallation({ consistency, version: "1", now: () => 1000 });
  const found = checks.find((check) => check.status !== "ok");
  expect(found).toMatchObject({ name, status });
  expect(found?.fix).toMatch(fix);
});

test("an installation without an executor is told of, and its state is not called healthy", async () => {
  const executor = createRouterTransport(({ service }) => service(ExecutorService, {}));
  const consistency = { describe: () => Promise.reject(new Error("no route to host")) };
  const doctor = createDoctorService({ consistency, executor, version: "1", now: () => 1000 });
  const { checkSystem } = doctor;
  const context = { values: { get: () => "id" }, signal: new AbortController().signal };
  const answer = await checkSystem({ repair: false, cursor: "", filesAfter: "" } as never, context as never);
  const names = answer.checks?.map(({ name, status }) => [name, status]);
  expect(names).toEqual([
    ["database", "problem"],
    ["executor", "problem"],
  ]);
});
