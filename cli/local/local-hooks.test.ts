import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { createLogger } from "#telemetry/logger.ts";
import { followRun } from "../follow/follow-run.ts";
import { createSilentPresenter } from "../follow/presenters.ts";
import { startLocalRun } from "./local-run.ts";
import { runAsJson } from "./run-json.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-hooks-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A server on loopback, and the JSON that was posted to each of its paths. */
async function serve(status = 200) {
  const posted = new Map<string, unknown>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      posted.set(request.url ?? "", JSON.parse(body));
      response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, posted };
}

/** Runs a definition to its end, and answers its states by task. */
async function run(text: string) {
  const environment = { MILLRACE_OUTBOUND_ALLOW: "127.0.0.0/8" };
  const settings = resolveSettings({ flags: { slots: 2 }, environment, file: null });
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs };
  const read = readDefinition(Buffer.from(text), "demo.yaml", rules);
  if (read.kind === "invalid") throw new Error(JSON.stringify(read.problems));
  const logger = createLogger({ level: "error", format: "json", component: "test" });
  const file = join(folder, "demo.yaml");
  const started = await startLocalRun({ file, read, parameters: {}, settings, version: "0", logger });
  try {
    const signal = AbortSignal.timeout(60_000);
    await followRun({ feed: started.feed, presenter: createSilentPresenter(), withLogs: false, signal });
    const json = await runAsJson(started.store, started.runId);
    const instances = json["task_instances"] as readonly { readonly task_id: string; readonly state: string }[];
    const states = Object.fromEntries(instances.map((instance) => [instance.task_id, instance.state]));
    return { runId: started.runId, state: json["state"], states };
  } finally {
    await started.stop();
  }
}

describe("hooks of a run on this machine", () => {
  test("a failure is told by the task's hook and the run's, with what went wrong", async () => {
    const { url, posted } = await serve();
    const { runId, state, states } = await run(`
id: demo
on_failure: ${url}/run
on_success: ${url}/wrong
tasks:
  - {id: ok, type: noop, operator: {}, on_failure: "${url}/wrong", on_success: "${url}/ok"}
  - {id: load, type: bash, operator: {bash_command: "echo no disk >&2; exit 3"}, on_failure: "${url}/load", on_success: "${url}/wrong"}
  - {id: below, type: noop, operator: {}, dependencies: [load], on_failure: "${url}/wrong"}
`);
    expect(state).toBe("failed");
    expect(states).toEqual({
      ok: "success",
      load: "failed",
      below: "upstream_failed",
      "ok.on_success": "success",
      "ok.on_failure": "skipped",
      "load.on_success": "skipped",
      "load.on_failure": "success",
      "below.on_failure": "skipped",
      ".on_success": "skipped",
      ".on_failure": "success",
    });
    expect([...posted.keys()].toSorted()).toEqual(["/load", "/ok", "/run"]);
    const error = expect.stringContaining("no disk");
    expect(posted.get("/load")).toMatchObject({
      dag_id: "demo",
      dag_run_id: runId,
      task_id: "load",
      state: "failed",
      error,
    });
    expect(posted.get("/ok")).toMatchObject({ task_id: "ok", state: "success", error: "", failed_tasks: [] });
    expect(posted.get("/run")).toMatchObject({
      task_id: null,
      state: "failed",
      failed_count: 1,
      failed_tasks: [{ task_id: "load", error }],
      message: expect.stringContaining(`run ${runId} of demo failed\nload: exit code 3`),
    });
  });

  test("a success is told with values of the run; a hook that fails is seen and changes nothing", async () => {
    const { url, posted } = await serve(500);
    const { state, states } = await run(`
id: demo
on_success:
  type: webhook
  operator: {url: "${url}/run", body: {rows: "{{ outputs.count.rows }}", ended: "{{ ended.state }}"}}
tasks:
  - {id: count, type: bash, operator: {bash_command: "echo '{\\"rows\\": 7}' > $MILLRACE_OUTPUT"}}
`);
    expect(posted.get("/run")).toEqual({ rows: 7, ended: "success" });
    expect({ state, states }).toEqual({ state: "success", states: { count: "success", ".on_success": "failed" } });
  });

  test("a run that times out is told too", async () => {
    const { url, posted } = await serve();
    const { states } = await run(`
id: demo
run_timeout: 1s
on_failure: ${url}/run
tasks:
  - {id: slow, type: bash, grace_period: 100ms, operator: {bash_command: "sleep 60"}}
`);
    expect(states).toEqual({ slow: "failed", ".on_failure": "success" });
    expect(posted.get("/run")).toMatchObject({ failed_tasks: [{ task_id: "slow", error: "run_timeout" }] });
  });

  test("a condition keeps a hook back", async () => {
    const { states } = await run(`
id: demo
parameters: {stage: test}
on_success: {type: noop, operator: {}, when: params.stage == 'live'}
tasks: [{id: a, type: noop, operator: {}}]
`);
    expect(states).toEqual({ a: "success", ".on_success": "skipped" });
  });
});
