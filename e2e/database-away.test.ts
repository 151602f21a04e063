import { afterAll, describe, expect, it } from "vitest";
import { createDatabaseProxy } from "./harness/database-proxy.ts";
import { startCluster, useDeployment } from "./harness.ts";

const proxy = await createDatabaseProxy();

const definition = `id: steady
tasks:
  - {id: before, type: bash, operator: {bash_command: "sleep 1"}}
  - {id: after, type: bash, dependencies: [before], operator: {bash_command: "sleep 0.1"}}
`;

/** So many tries of the services that start first come to nothing. */
const failingTries = 5;

describe("a database that is away (G1, G15)", () => {
  afterAll(() => proxy.close());

  const deployment = useDeployment(() =>
    startCluster({
      definitions: { "steady.yaml": definition },
      databaseUrl: (connectionString) => {
        void proxy.open(failingTries);
        return proxy.connectionStringOf(connectionString);
      },
    }),
  );

  const json = { "content-type": "application/json" };

  function trigger(key: string): Promise<Response> {
    const headers = { ...json, "idempotency-key": key };
    return fetch(`${deployment().url}/api/v1/dags/steady/dagRuns`, { method: "POST", headers, body: "{}" });
  }

  async function read(path: string): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`${deployment().url}/api/v1${path}`);
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  it("is waited for at the start", async () => {
    expect(await deployment().readLogs()).toContain("the database is away, trying again");
    await expect.poll(() => read("/dags/steady"), { timeout: 20_000 }).toMatchObject({ dag_id: "steady" });
  });

  it("goes in the middle of a run: nothing is acknowledged, no process ends, and the run ends right", async () => {
    const { dag_run_id: runId } = (await (await trigger("first")).json()) as { dag_run_id: string };
    await expect.poll(async () => (await read(`/dagRuns/${runId}`))["state"], { timeout: 10_000 }).toBe("running");
    await proxy.shut();
    const refused = await trigger("second");
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error_code: "DATABASE_UNAVAILABLE" });
    const health = await fetch(`${deployment().url}/health`);
    expect(health.status).toBe(503);
    await proxy.open();
    await expect
      .poll(async () => (await read(`/dagRuns/${runId}`))["end_date"], { timeout: 30_000 })
      .toEqual(expect.any(String));
    expect(await read(`/dagRuns/${runId}`)).toMatchObject({ state: "success" });
    const repeated = await trigger("second");
    expect(repeated.status).toBe(201);
    for (const child of deployment().children.values()) expect(() => process.kill(child.pid, 0)).not.toThrow();
  });
});
