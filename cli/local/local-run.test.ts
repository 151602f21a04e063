import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { createLogger } from "#telemetry/logger.ts";
import { followRun } from "../follow/follow-run.ts";
import { createSilentPresenter } from "../follow/presenters.ts";
import type { ProgressChange } from "../follow/run-progress.ts";
import { type LocalRun, startLocalRun } from "./local-run.ts";
import { runAsJson } from "./run-json.ts";

const logger = createLogger({ level: "error", format: "json", component: "test" });
const settings = resolveSettings({ flags: { slots: 2 }, environment: {}, file: null });
const started: LocalRun[] = [];
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-local-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(async () => {
  for (const run of started.splice(0)) await run.stop();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe("startLocalRun", () => {
  test("runs a definition to its end; the feed tells every change once and in order", async () => {
    const run = await start(`
id: demo
parameters: {who: World}
tasks:
  - {id: greet, type: bash, operator: {bash_command: "echo hello {{ params.who }}; echo x=1 >> $MILLRACE_OUTPUT"}}
  - {id: end, type: noop, operator: {}, dependencies: [greet]}
`);
    const { changes, lines, state } = await follow(run);
    expect(state).toBe("success");
    expect(changes).toEqual([
      "queued",
      "greet queued",
      "greet running",
      "running",
      "greet success",
      "end queued",
      "end running",
      "end success",
      "success",
      "ended",
    ]);
    expect(lines).toEqual(["greet: hello World"]);
    const json = await runAsJson(run.store, run.runId);
    expect(json).toMatchObject({ dag_id: "demo", state: "success", parameters: { who: "World" } });
    expect(json["task_instances"]).toMatchObject([{ task_id: "greet", xcom_values: { x: "1" } }, { task_id: "end" }]);
  });

  test("a task fans out over a list; the next one sees the list of what its items left", async () => {
    const run = await start(`
id: demo
tasks:
  - {id: list, type: bash, operator: {bash_command: "echo '{\\"names\\": [\\"b\\", \\"a\\"]}' > $MILLRACE_OUTPUT"}}
  - id: each
    type: bash
    dependencies: [list]
    for_each: {items: outputs.list.names, key: item}
    operator: {bash_command: "echo 'item {{ item }}'; echo '{\\"length\\": {{ item_index }}}' > $MILLRACE_OUTPUT"}
  - {id: sum, type: bash, dependencies: [each], operator: {bash_command: "echo '{{ outputs.each.length }}'"}}
`);
    const { changes, lines, state } = await follow(run);
    expect(state).toBe("success");
    expect(changes.filter((change) => change.startsWith("each"))).toEqual(
      expect.arrayContaining(["each queued", "each[b] queued", "each[a] success", "each success"]),
    );
    expect(lines.toSorted()).toEqual(["each[a]: item a", "each[b]: item b", "sum: [0,1]"]);
    const { task_instances: instances } = await runAsJson(run.store, run.runId);
    expect(instances).toMatchObject([
      { task_id: "list" },
      { id: `${run.runId}__each`, map_index: null, xcom_values: {} },
      { task_id: "sum" },
      { id: `${run.runId}__each__b`, map_index: 0, xcom_values: { length: 0 } },
      { id: `${run.runId}__each__a`, map_index: 1, xcom_values: { length: 1 } },
    ]);
  });

  test("cancel ends what waits and what runs", async () => {
    const run = await start(`
id: demo
tasks:
  - {id: long, type: bash, operator: {bash_command: "echo ready; sleep 60"}, grace_period: 1s}
  - {id: after, type: noop, operator: {}, dependencies: [long]}
`);
    const { state, changes } = await follow(run, { onLine: () => void run.cancel("test") });
    expect(state).toBe("cancelled");
    expect(changes.slice(-2)).toEqual(["cancelled", "ended"]);
    expect(changes).toContain("after skipped");
  });

  test("leaves no folder behind", async () => {
    const run = await start("id: demo\ntasks:\n  - {id: a, type: noop, operator: {}}\n");
    await follow(run);
    await run.stop();
    expect(await readdir(folder)).toEqual([]);
  });

  test("wrong parameters are refused by name, and nothing is left", async () => {
    const text =
      "id: demo\nparameters: {n: {type: integer, default: 1}}\ntasks:\n  - {id: a, type: noop, operator: {}}\n";
    await expect(start(text, { n: "many" })).rejects.toThrow(expect.objectContaining({ code: "INVALID_PARAMETERS" }));
    expect(await readdir(folder)).toEqual([]);
  });
});

async function start(text: string, parameters: Readonly<Record<string, string>> = {}): Promise<LocalRun> {
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs };
  const read = readDefinition(Buffer.from(text), "demo.yaml", rules);
  if (read.kind === "invalid") throw new Error(JSON.stringify(read.problems));
  const run = await startLocalRun({
    file: join(folder, "demo.yaml"),
    read,
    parameters,
    settings,
    version: "0",
    logger,
  });
  started.push(run);
  return run;
}

async function follow(
  run: LocalRun,
  options: { onLine?: () => void } = {},
): Promise<{ changes: readonly string[]; lines: readonly string[]; state: string }> {
  const changes: string[] = [];
  const lines: string[] = [];
  const progress = await followRun({
    feed: run.feed,
    presenter: {
      ...createSilentPresenter(),
      changed: (change) => {
        const text = describeChange(change);
        if (text !== null) changes.push(text);
      },
      logged: (taskId, logged) => {
        lines.push(...logged.map(({ text }) => `${taskId}: ${text}`));
        options.onLine?.();
      },
    },
    withLogs: true,
    signal: AbortSignal.timeout(20_000),
  });
  return { changes, lines, state: progress.state };
}

function describeChange(change: ProgressChange): string | null {
  if (change.kind === "task") {
    const item = change.itemKey === null ? "" : `[${change.itemKey}]`;
    return `${change.taskId}${item} ${change.state}`;
  }
  return change.ended ? "ended" : change.state;
}
