import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { cleanEnvironment } from "#testing/cluster/child.ts";
import { startDev, useDeployment } from "./harness.ts";
import { runCli } from "./harness/run-cli.ts";

const example = fileURLToPath(new URL("../examples/functions/", import.meta.url));

const slow = `
id: slow
tasks:
  - id: stubborn
    type: function
    operator: {handler: stubborn}
    timeout: 300ms
    grace_period: 200ms
    retries: 0
  - {id: after, type: noop, dependencies: [stubborn], trigger_rule: all_done, operator: {}}
`;

const plugged = `
id: plugged
parameters: {n: {type: integer, default: 20}}
tasks:
  - {id: double, type: acme.double, operator: {n: "{{ params.n }}"}}
  - {id: show, type: bash, dependencies: [double], operator: {bash_command: "echo it is {{ outputs.double.return_value }}"}}
`;

const plugin = `
export const operators = [{
  type: "acme.double",
  schema: { type: "object", additionalProperties: false, required: ["n"], properties: { n: { type: "integer" } } },
  execute: ({ config }) => config.n * 2,
}];
`;

/** A handler that no example would have. */
const stubborn = `
import { createWorker } from ${JSON.stringify(new URL("../sdk/worker-exports.ts", import.meta.url).href)};
const worker = createWorker();
worker.task("stubborn", ({ logger }) => new Promise(() => logger.warn("I do not look at the signal")));
await worker.run();
`;

const deployment = useDeployment(async () => {
  const definitions = { "letter.yaml": readFileSync(join(example, "letter.yaml"), "utf8"), "slow.yaml": slow };
  return startDev({ definitions });
});

/** A worker program beside the server, ended with the test. */
function startProgram(file: string, args: readonly string[] = []) {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: deployment().folder,
    env: cleanEnvironment({ MILLRACE_EXECUTORS: deployment().url }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, exited, errors: () => errors };
}

async function trigger(dag: string, ...args: readonly string[]) {
  const { stdout } = await deployment().cli(["trigger", dag, "--output", "json", ...args]);
  return (JSON.parse(stdout) as { dag_run_id: string }).dag_run_id;
}

async function readTasks(id: string) {
  const { stdout } = await deployment().cli(["show", id, "--output", "json"]);
  const { task_instances: tasks } = JSON.parse(stdout) as {
    task_instances: readonly { task_id: string; state: string; last_error: string; try_number: number }[];
  };
  return new Map(tasks.map((task) => [task.task_id, task]));
}

/** Triggers a run, and answers its tasks when it has ended. */
async function run(dag: string, ...args: readonly string[]) {
  const id = await trigger(dag, "--wait", ...args);
  return readTasks(id);
}

describe("a worker program", () => {
  test("the example's functions run when their program comes, and it ends by SIGTERM", async () => {
    const id = await trigger("letter", "-p", "to=Ada");
    const { stdout: why } = await deployment().cli(["explain", id, "count"]);
    expect(why).toContain("function:count_words");

    const program = startProgram(join(example, "worker.js"));
    const { stdout, exitCode } = await deployment().cli(["logs", id, "send", "--follow"]);

    expect(program.errors()).not.toContain("Error");
    expect(stdout).toContain("to Ada: 9 words, the longest is quick");
    expect(exitCode).toBe(0);
    expect((await deployment().cli(["workers", "list"])).stdout).toContain("healthy");
    program.child.kill("SIGTERM");
    expect(await program.exited).toBe(0);
  });

  test("an error says whether another try can help", async () => {
    startProgram(join(example, "worker.js"));
    const tasks = await run("letter", "-p", "to=");

    expect(tasks.get("send")).toMatchObject({
      state: "failed",
      try_number: 1,
      last_error: expect.stringContaining("Error: a letter needs somebody to go to"),
    });
  });

  test("a handler that ignores its signal is given up after the grace, and the slot goes on", async () => {
    const file = join(deployment().folder, "stubborn.js");
    await writeFile(file, stubborn);
    startProgram(file);
    const tasks = await run("slow");

    expect(tasks.get("stubborn")).toMatchObject({ state: "failed", last_error: "timed out after 300ms" });
    expect(tasks.get("after")).toMatchObject({ state: "success" });
  });
});

test("a plugin's operator is checked and run in one process, and a missing plugin is named", async () => {
  const folder = deployment().folder;
  await mkdir(join(folder, "plugins"), { recursive: true });
  await Promise.all([
    writeFile(join(folder, "plugins/double.mjs"), plugin),
    writeFile(join(folder, "plugged.yaml"), plugged),
    writeFile(join(folder, "wrong.yaml"), plugged.replace('n: "{{ params.n }}"', "m: 1")),
  ]);
  const runWith = (plugins: string, ...args: readonly string[]) =>
    runCli(args, { cwd: folder, environment: { MILLRACE_OPERATORS_PLUGINS: plugins } });

  expect(await runWith("plugins/double.mjs", "run", "plugged.yaml", "-p", "n=21")).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("it is 42"),
  });
  const { stdout: problems } = await runWith("plugins/double.mjs", "validate", "wrong.yaml");
  expect(problems).toContain("UNKNOWN_KEY");
  expect((await runWith("plugins/double.mjs", "schema")).stdout).toContain('"acme.double"');
  expect((await runWith("", "validate", "plugged.yaml")).stdout).toContain("there is no kind of work `acme.double`");
  const { stderr, exitCode } = await runWith("plugins/away.mjs", "run", "plugged.yaml");
  expect(stderr).toContain("the plugin plugins/away.mjs (operators.plugins) can't be used");
  expect(exitCode).not.toBe(0);
});
