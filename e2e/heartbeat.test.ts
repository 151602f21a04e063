import { describe, expect, it } from "vitest";
import { readEvents } from "./harness/read-events.ts";
import { startCluster, useDeployment } from "./harness.ts";

const burners = ["burn1", "burn2", "burn3", "burn4"];

/** Tasks that burn every core for longer than two leases, and one that floods its output meanwhile. */
const definition = String.raw`id: greedy
tasks:
  - {id: flood, type: bash, operator: {bash_command: "(yes \"$(printf 'flood%.0s' {1..100})\" || true) | head -c 300000000"}}
${burners.map((id) => `  - {id: ${id}, type: bash, operator: {bash_command: "timeout 5 bash -c 'while :; do :; done' || true"}}`).join("\n")}
  - {id: end, type: noop, operator: {}, dependencies: [flood, ${burners.join(", ")}]}
`;

describe("a greedy task", () => {
  const deployment = useDeployment(() =>
    startCluster({
      definitions: { "greedy.yaml": definition },
      environment: { MILLRACE_WORKER_LEASE: "2s", MILLRACE_EXECUTOR_SCAN_INTERVAL: "500ms" },
    }),
  );

  it("delays no heartbeat, whether it floods its output or burns all CPU (G11)", async () => {
    const { url } = deployment();
    const answer = await fetch(`${url}/api/v1/dags/greedy/dagRuns`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const { dag_run_id: runId } = (await answer.json()) as { dag_run_id: string };
    await expect
      .poll(
        async () =>
          ((await (await fetch(`${url}/api/v1/dagRuns/${runId}`)).json()) as { end_date: string | null }).end_date,
        { timeout: 90_000, interval: 250 },
      )
      .not.toBeNull();
    const page = (await (await fetch(`${url}/api/v1/dagRuns/${runId}/taskInstances`)).json()) as {
      task_instances: readonly { task_id: string; state: string; try_number: number }[];
    };
    expect(page.task_instances.map(({ state, try_number }) => `${state} ${try_number}`)).toEqual(
      Array(6).fill("success 1"),
    );
    const events = await readEvents(`${url}/api/v1/events`, {
      lastEventId: "0",
      until: ({ data }) => JSON.stringify(data).includes("dag_run.ended"),
    });
    expect(events.filter(({ type }) => type === "worker.disconnected")).toEqual([]);
  });
});
