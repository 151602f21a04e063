import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { allowedKeys } from "#definition/schema/schema-keys.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { createLogger } from "#telemetry/logger.ts";
import { followRun } from "../follow/follow-run.ts";
import { createSilentPresenter } from "../follow/presenters.ts";
import { startLocalRun } from "../local/local-run.ts";
import { type CommandResult, runCommand } from "../run-command.testsuite.ts";
import { testFileSchema } from "./test-schema.ts";

const examples = join(import.meta.dirname, "../../examples");

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "millrace-tests-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const workflow = `id: etl
timezone: Europe/Berlin
run_timeout: 10h
parameters: {region: {type: string, enum: [eu, us], default: eu}}
tasks:
  - id: extract
    type: bash
    operator: {bash_command: ls}
    environment: {DAY: "{{ execution_date }}", REGION: "{{ params.region }}", NOW: "{{ now }}"}
    retry: {max_retries: 2, delay: 1h, backoff_multiplier: 1}
    timeout: 5h
  - id: load
    type: bash
    dependencies: [extract]
    operator: {bash_command: "load {{ outputs.extract.rows }}"}
  - {id: alert, type: noop, operator: {}, dependencies: [{task: load, on: failure}]}
  - {id: tidy, type: noop, operator: {}, dependencies: [extract, load], trigger_rule: all_done}
`;

/** Runs one test of the workflow; its keys are given as YAML, indented by four. */
async function runTest(body: string, args: readonly string[] = []): Promise<CommandResult> {
  await writeFile(join(directory, "etl.yaml"), workflow);
  await writeFile(
    join(directory, "etl.test.yaml"),
    `tests:\n  - name: one\n${body.replace(/^/gm, "    ").trimEnd()}\n`,
  );
  return runCommand(["test", join(directory, "etl.test.yaml"), ...args]);
}

/** What did not come true, as \`line:column message\`. */
async function failuresOf(body: string): Promise<string[]> {
  const { output } = await runTest(body);
  return output.split("\n").flatMap((line) => {
    const at = line.indexOf("etl.test.yaml:");
    return at === -1 ? [] : [line.slice(at + "etl.test.yaml:".length)];
  });
}

describe("a test passes", () => {
  test.each([
    [
      "expect: {state: failed, tasks: {extract: success, load: failed, alert: success}}",
      "an output that is read was not mocked",
    ],
    [
      "mocks: {extract: {outputs: {rows: 3}}}\nexpect: {state: success, tasks: {alert: skipped}, order: [extract, load, tidy], outputs: {extract: {rows: 3}}}",
      "everything else succeeds",
    ],
    [
      "mocks: {extract: {outcome: skipped}}\nexpect: {state: success, tasks: {load: skipped, alert: skipped, tidy: success}}",
      "a task may skip itself",
    ],
    [
      "mocks: {extract: {outputs: {rows: 3}}, load: {exit_code: 4}}\nexpect: {state: failed, tasks: {alert: success}, attempts: {load: 1}}",
      "edges of another condition are followed",
    ],
    [
      "mocks: {extract: {exit_code: 2}}\nexpect: {state: failed, attempts: {extract: 3}, tasks: {load: upstream_failed}}",
      "retries are those of the task",
    ],
    ["mocks: {extract: {exit_code: 126}}\nexpect: {attempts: {extract: 1}}", "exit codes that are final are"],
    [
      "mocks: {extract: {duration: 6h}}\nexpect: {state: failed, attempts: {extract: 2}}",
      "timeouts apply, of an attempt and of the run",
    ],
    [
      "mocks: {extract: {duration: 4h, outputs: {rows: 1}}, load: {duration: 7h}}\nexpect: {state: failed, tasks: {load: failed}}",
      "the run's timeout ends what goes on",
    ],
    [
      "mocks: {extract: {attempts: [{error: connection}, {outputs: {rows: 1}}]}}\nexpect: {state: success, attempts: {extract: 2}, outputs: {extract: {rows: 1}}}",
      "attempts differ",
    ],
    [
      "execution_date: 2026-01-31T23:30:00Z\nparameters: {region: us}\nexpect: {environment: {extract: {DAY: 2026-02-01, REGION: us, NOW: 2026-01-31T23:30:00Z}}}",
      "values are rendered",
    ],
    [
      "now: 2026-03-01\nexpect: {environment: {extract: {DAY: 2026-01-01, NOW: 2026-03-01T00:00:00Z}}}",
      "the clock may stand elsewhere",
    ],
    ["parameters: {region: mars}\nexpect: {refused: INVALID_PARAMETERS}", "wrong parameters are refused"],
  ])("%s (%s)", async (body) => {
    expect(await failuresOf(body)).toEqual([]);
    expect((await runTest(body)).exitCode).toBe(0);
  });

  test("in no time, and each time in the same way", async () => {
    const body = "mocks: {extract: {outcome: lost}}\nexpect: {state: success}";
    const [first, second] = [await failuresOf(body), await failuresOf(body)];
    expect(first).toEqual(second);
    expect(first[0]).toMatch(/extract failed \(worker_lost\)/);
  });
});

describe("a test fails, and says where and why", () => {
  test.each([
    [
      "expect: {state: success}",
      "3:21 expected the run to be success, but it is failed: load failed (render_failed) the task `extract` left no output `rows`; it left none",
    ],
    ["expect: {tasks: {alert: failed}}", "3:29 expected alert to be failed, but it is success"],
    [
      "mocks: {extract: {exit_code: 3, message: no disk}}\nexpect: {attempts: {extract: 1}}",
      "4:34 expected extract to have 1 attempt(s), but it has 3 (max_retries_exceeded) no disk",
    ],
    [
      "expect: {order: [tidy, extract]}",
      "3:21 expected extract to start after tidy, but it started before; the order was extract, load, alert, tidy",
    ],
    [
      "mocks: {extract: {exit_code: 1}}\nexpect: {order: [load]}",
      "4:21 expected load to start, but it did not; started: extract, alert, tidy",
    ],
    [
      "mocks: {extract: {outputs: {rows: [1]}}}\nexpect: {outputs: {extract: {rows: [2]}}}",
      "4:40 expected the output rows of extract to be [2], but it is [1]",
    ],
    ["expect: {outputs: {extract: {rows: 1}}}", "3:40 expected extract to leave the output rows, but it left none"],
    [
      "expect: {environment: {extract: {REGION: us}}}",
      '3:46 expected the variable REGION of extract to be "us", but it is "eu"',
    ],
    ["expect: {refused: INVALID_PARAMETERS}", "3:23 expected the run to be refused, but it was made"],
    [
      "parameters: {region: mars}\nexpect: {state: success}",
      '2:11 the run did not go: INVALID_PARAMETERS: parameters do not fit the definition: `region` must be one of "eu", "us" (enum)',
    ],
  ])("%s", async (body, failure) => {
    expect(await failuresOf(body)).toEqual([failure]);
    expect((await runTest(body)).exitCode).toBe(1);
  });
});

describe("a file that can't be used says what to correct", () => {
  test.each([
    ["expect: {}", "3:13 INVALID_VALUE `expect` is empty: such a test can't fail (begin with `state: success`)"],
    [
      "expect: {stat: success}",
      "3:14 UNKNOWN_KEY the key `stat` is not known in `tests[0].expect` (did you mean `state`?)",
    ],
    [
      "expect: {state: done}",
      '3:21 INVALID_VALUE `tests[0].expect.state` must be one of success, failed, cancelled, not the text "done"',
    ],
    [
      "mocks: {extrct: {}}\nexpect: {state: success}",
      "3:13 UNKNOWN_TASK there is no task `extrct` (did you mean `extract`?)",
    ],
    [
      "mocks: {extract: {items: {a: {}}}}\nexpect: {state: success}",
      "3:23 INVALID_VALUE the task `extract` has no `for_each`, hence no items",
    ],
    ["expect: {order: [extract, lod]}", "3:31 UNKNOWN_TASK there is no task `lod` (did you mean `load`?)"],
    ["mocks: {extract: {duration: soon}}\nexpect: {state: success}", /^3:33 INVALID_VALUE .* must be a duration/],
    [
      "execution_date: tomorrow\nexpect: {state: success}",
      /^3:21 INVALID_VALUE `execution_date` must be a date or a time/,
    ],
  ])("%s", async (body, problem) => {
    const [first, ...others] = await failuresOf(body);
    if (typeof problem === "string") expect(first).toBe(problem);
    else expect(first).toMatch(problem);
    expect(others).toEqual([]);
    expect((await runTest(body)).exitCode).toBe(2);
  });

  test("also when its workflow is missing or wrong", async () => {
    await writeFile(join(directory, "a.test.yaml"), "tests: [{name: x, expect: {state: success}}]\n");
    const missing = await runCommand(["test", join(directory, "a.test.yaml")]);
    expect(missing.exitCode).toBe(2);
    expect(missing.output).toMatch(/a\.test\.yaml:1:1 NO_WORKFLOW the workflow .*a\.yaml can't be read/);
    await writeFile(join(directory, "a.yaml"), "id: a\n");
    const wrong = await runCommand(["test", join(directory, "a.test.yaml")]);
    expect(wrong.output).toContain("a.yaml:1:1 MISSING_KEY `tasks` is required");
  });

  test("and a folder without tests is told", async () => {
    const { errors, exitCode } = await runCommand(["test", directory]);
    expect(exitCode).toBe(2);
    expect(errors).toContain("there is no *.test.yaml in");
  });
});

describe("reports", () => {
  const failing = "mocks: {extract: {outputs: {rows: 1}}}\nexpect: {state: failed}";

  test("for people end with the sum", async () => {
    const { output } = await runTest(failing);
    expect(output).toMatch(
      /^\S+etl\.test\.yaml\n {2}✗ one\n {6}\S+:4:21 expected the run .*\n1 failed|0 passed, 1 failed\n$/,
    );
  });

  test("for programs", async () => {
    const { output } = await runTest(failing, ["--format", "json"]);
    expect(JSON.parse(output)).toMatchObject({
      passed: 0,
      failed: 1,
      broken: 0,
      files: [{ problems: [], tests: [{ name: "one", passed: false, line: 2, failures: [{ line: 4, column: 21 }] }] }],
    });
  });

  test("for CI systems", async () => {
    const { output } = await runTest(failing, ["--format", "junit"]);
    expect(output).toContain('<testsuites name="millrace" tests="1" failures="1" errors="0">');
    expect(output).toMatch(
      /<testcase name="one" .* line="2"><failure message="expected the run to be failed, but it is success">/,
    );
  });
});

test("what waits without a worker is answered by its mock, with outputs that tasks below read", async () => {
  await writeFile(
    join(directory, "gate.yaml"),
    `id: gate
tasks:
  - {id: ask, type: approval, operator: {question: "publish {{ params.day | default('it') }}?"}}
  - {id: pause, type: wait, operator: {duration: 10h}, dependencies: [ask]}
  - id: publish
    type: bash
    operator: {bash_command: publish}
    dependencies: [pause, ask]
    when: "outputs.ask.decision == 'approve'"
`,
  );
  await writeFile(
    join(directory, "gate.test.yaml"),
    `tests:
  - {name: yes, mocks: {ask: {outputs: {decision: approve}}}, expect: {tasks: {publish: success, pause: success}}}
  - {name: no, mocks: {ask: {outputs: {decision: reject}}}, expect: {tasks: {publish: skipped}}}
  - {name: never, mocks: {ask: {error: timeout}}, expect: {state: failed, tasks: {publish: upstream_failed}}}
`,
  );
  const { output, exitCode } = await runCommand(["test", join(directory, "gate.test.yaml")]);
  expect({ exitCode, output }).toMatchObject({ exitCode: 0, output: expect.stringContaining("3 passed") });
});

test("the tests of the examples pass", async () => {
  const { output, exitCode } = await runCommand(["test", examples]);
  expect({ output, exitCode }).toMatchObject({ exitCode: 0 });
  expect(output).toMatch(/\d+ passed\n$/);
});

test("a mocked run ends as the same run with real tasks does", async () => {
  const file = join(examples, "failure.yaml");
  const real = await statesOfRealRun(file);
  expect(real).toMatchObject({ transform: "failed", load: "upstream_failed", clean_up: "success" });
  const states = Object.entries(real).map(([task, state]) => `${task}: ${state}`);
  await copyFile(file, join(directory, "failure.yaml"));
  await writeFile(
    join(directory, "a.test.yaml"),
    `workflow: failure.yaml\ntests: [{name: x, mocks: {transform: {error: failed}}, expect: {tasks: {${states.join(", ")}}}}]\n`,
  );
  expect((await runCommand(["test", directory])).output).toContain("1 passed");
});

async function statesOfRealRun(file: string): Promise<Record<string, string>> {
  const settings = resolveSettings({ flags: { slots: 2 }, environment: {}, file: null });
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs };
  const read = readDefinition(await readFile(file), file, rules);
  if (read.kind === "invalid") throw new Error(JSON.stringify(read.problems));
  const logger = createLogger({ level: "silent", format: "json", component: "test" });
  const run = await startLocalRun({ file, read, parameters: {}, settings, version: "0", logger });
  const signal = AbortSignal.timeout(20_000);
  const progress = await followRun({ feed: run.feed, presenter: createSilentPresenter(), withLogs: false, signal });
  await run.stop();
  return Object.fromEntries([...progress.tasks()].map(({ taskId, state }) => [taskId, state]));
}

describe("docs/testing-workflows.md", () => {
  const page = readFileSync(new URL("../../docs/testing-workflows.md", import.meta.url), "utf8");
  const keysBelow = (heading: string): Set<string> => {
    const section = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
    return new Set([...section.matchAll(/^\| `([a-z_]+)`/gm)].map((match) => match[1] ?? ""));
  };

  test.each([
    ["A file", []],
    ["A test", ["tests", 0]],
    ["A mock", ["tests", 0, "mocks", "x"]],
    ["Expectations", ["tests", 0, "expect"]],
  ])("%s: lists the keys that are accepted, and no others", (heading, path) => {
    expect(keysBelow(heading)).toEqual(new Set(allowedKeys(testFileSchema, path)));
  });
});
