import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDev, useDeployment } from "./harness.ts";
import { eventually } from "./harness/eventually.ts";
import { createRestClient } from "./harness/rest-client.ts";

/** `render` waits, with two processes, until the file `hold` is gone. */
const report = (folder: string): string => `
id: report
tasks:
  - id: load
    type: bash
    operator: {bash_command: "echo rows=7 >> $MILLRACE_OUTPUT"}
  - id: render
    type: bash
    dependencies: [load]
    resources: {memory: 512Mi}
    operator:
      bash_command: |
        echo "rendering {{ outputs.load.rows }} rows"
        mkdir "$MILLRACE_ARTIFACTS/tables"
        printf 'day,rows\\n1,{{ outputs.load.rows }}\\n' > "$MILLRACE_ARTIFACTS/tables/summary.csv"
        while test -e ${folder}/hold; do sleep 0.1; done
`;

const shortTimes = {
  MILLRACE_WORKER_HEARTBEAT_INTERVAL: "200ms",
  MILLRACE_OUTPUTS_RETENTION: "20s",
  MILLRACE_ARTIFACTS_RETENTION: "20s",
  MILLRACE_LOGS_RETENTION: "20s",
};

const deployment = useDeployment(() => startDev({ environment: shortTimes }));
const client = createRestClient(() => deployment().url);

async function pageOf(runId: string, task: string): Promise<string> {
  const answer = await fetch(`${deployment().url}/tasks/${encodeURIComponent(`${runId}__${task}`)}/logs`);
  return answer.text();
}

/** The address that the page gives for a file. */
function downloadIn(page: string, name: string): string {
  const href = new RegExp(`href="([^"]*)" download>${name}<`).exec(page)?.[1] ?? "";
  return deployment().url + href.replaceAll("&amp;", "&");
}

test("what a task uses is told while it runs, what it left is shown until its time is over, and then said to be gone", async () => {
  const { folder } = deployment();
  const cli = (args: readonly string[]) => deployment().cli(args);
  await writeFile(join(folder, "hold"), "");
  await deployment().writeDefinition("report.yaml", report(folder));
  await eventually(
    () => client.call("dags/report"),
    ({ status }) => expect(status).toBe(200),
  );
  const runId = await client.trigger("report");

  const seen = () => client.call(`taskInstances/${encodeURIComponent(`${runId}__render`)}`);
  await eventually(seen, ({ json }) =>
    expect(json["usage"]).toMatchObject({ memory_limit_bytes: 512 * 2 ** 20, memory_bytes: expect.any(Number) }),
  );
  expect(await pageOf(runId, "render")).toMatch(/<dd>[\d.]+ .iB of 512 MiB, peak /);
  const { json: listed } = await client.call("workers");
  const [worker] = listed["workers"] as { worker_id: string }[];
  expect((await cli(["workers", "show", worker?.worker_id ?? ""])).stdout).toMatch(/ of 512 MiB, peak .* process/);

  await rm(join(folder, "hold"));
  await client.ended(runId);
  const page = await pageOf(runId, "render");
  expect(page).toMatch(/<b>rows<\/b>[^]*Artifacts/);
  const file = await fetch(downloadIn(page, "tables/summary.csv"));
  expect(file.headers.get("content-disposition")).toContain("attachment");
  expect(await file.text()).toBe("day,rows\n1,7\n");

  const removed = "artifacts were removed after 20 seconds (artifacts.retention)";
  await eventually(
    () => cli(["artifacts", "list", runId]),
    ({ stdout }) => expect(stdout.trim()).toBe(removed),
  );
  await eventually(
    () => client.call(`dagRuns/${encodeURIComponent(runId)}/xcom`),
    ({ json }) =>
      expect(json).toEqual({ xcom: [], removed: "outputs were removed after 20 seconds (outputs.retention)" }),
  );
  await eventually(
    () => cli(["logs", runId, "render"]),
    ({ stdout }) => expect(stdout).toContain("logs were removed"),
  );
  expect(await pageOf(runId, "render")).toContain(removed);
  await eventually(
    () => existsSync(join(folder, "data/artifacts/1")),
    (isThere) => expect(isThere).toBe(false),
  );

  const refused = await cli(["rerun", runId, "--from", "render"]);
  expect(refused.stderr).toContain("task render reads those of load; let load run again, too");
  expect((await cli(["rerun", runId, "--from", "load", "--follow"])).exitCode).toBe(0);
  expect((await client.call(`dagRuns/${encodeURIComponent(runId)}/artifacts`)).json["artifacts"]).toHaveLength(1);
});
