import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { OperatorContext, OperatorResult, ProcessOptions } from "#operators/operator.ts";
import { createTestHost } from "#operators/operator-context.testsuite.ts";
import { findOperator } from "#operators/registry.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildAttemptEnvironment, selectHostVariables } from "./attempt-environment.ts";
import type { Output } from "./runner-protocol.ts";
import { RunnerClient } from "./runner-client.ts";

const host = selectHostVariables(process.env);
let dataDir: string;
let dagDirectory: string;
let client: RunnerClient;
let count = 0;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-operators-"));
  client = new RunnerClient({
    dataDir,
    environment: host,
    logger: createLogger({ level: "silent", format: "json", component: "test" }),
  });
});
afterAll(async () => {
  await client.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
beforeEach(() => {
  dagDirectory = mkdtempSync(join(tmpdir(), "millrace-dag-"));
});
afterEach(() => {
  rmSync(dagDirectory, { recursive: true, force: true });
});

interface Ran {
  readonly result: OperatorResult;
  readonly lines: readonly string[];
  readonly outputs: readonly Output[];
  readonly processes: readonly ProcessOptions[];
}

/** Runs an operator as a worker does. */
async function execute(
  type: string,
  config: Record<string, unknown>,
  values: Record<string, string> = {},
): Promise<Ran> {
  count += 1;
  const operator = findOperator(type);
  if (operator === undefined) throw new Error(`no operator ${type}`);
  const lines: string[] = [];
  const processes: ProcessOptions[] = [];
  const attempt = client.open({
    token: `operator-${process.pid}-${count}`,
    logMaxBytes: 1024 * 1024,
    credit: 1024 * 1024,
    captureStdout: false,
    onLog: ({ entries }) =>
      lines.push(...entries.flatMap(({ source, text }) => text.split("\n").map((line) => `${source}: ${line}`))),
  });
  const facts = {
    dagRunId: "run1",
    dagId: "dag1",
    taskId: "task1",
    tryNumber: 2,
    logicalDate: "2026-01-02T00:00:00Z",
    idempotencyKey: "run1/task1/2",
    dagDirectory,
    traceparent: "",
  };
  const context: OperatorContext = {
    attempt: {
      dagRunId: "run1",
      dagId: "dag1",
      taskId: "task1",
      tryNumber: 2,
      maxTries: 3,
      logicalDate: "",
      idempotencyKey: "",
    },
    config,
    environment: buildAttemptEnvironment([host, values], facts, attempt.directories),
    parameters: {},
    workingDirectory: attempt.directories.work,
    codeDirectory: attempt.directories.code,
    dagDirectory,
    host: createTestHost(),
    signal: new AbortController().signal,
    graceMs: 1000,
    keepSecret: () => {},
    log: (source, text) => lines.push(`${source}: ${text}`),
    startProcess: (options) => {
      processes.push(options);
      return attempt.startProcess(options);
    },
  };
  const result = await operator.execute(context);
  const { outputs } = await attempt.close();
  return { result, lines, outputs, processes };
}

test("bash runs code in a fresh directory with the attempt's variables", async () => {
  const { result, lines, outputs } = await execute("bash", {
    bash_command:
      'ls -A; echo "$MILLRACE_RUN_ID $MILLRACE_TRY_NUMBER $MILLRACE_IDEMPOTENCY_KEY"; echo "n=5" >> "$MILLRACE_OUTPUT"; touch "$MILLRACE_TMPDIR/x"',
  });

  expect(result).toEqual({ kind: "success", exitCode: 0 });
  expect(lines).toEqual(["stdout: run1 2 run1/task1/2"]);
  expect(outputs).toEqual([{ key: "n", json: '"5"' }]);
});

test("bash ends at the first failure, also inside a pipeline, and at an unset variable", async () => {
  expect((await execute("bash", { bash_command: "false; echo on" })).result).toMatchObject({
    code: "exit_code",
    exitCode: 1,
  });
  expect((await execute("bash", { bash_command: "exit 3 | cat; echo on" })).result).toMatchObject({ exitCode: 3 });
  expect((await execute("bash", { bash_command: 'echo "$NO_SUCH_NAME"' })).result).toMatchObject({
    exitCode: 1,
    message: expect.stringContaining("NO_SUCH_NAME: unbound variable"),
  });
});

test("a restricted shell changes no folder and no PATH, names no program by a path and redirects nothing", async () => {
  const run = (bash_command: string) => execute("bash", { bash_command, restricted: true });
  const fine = await run('echo n=5 | tee -a "$MILLRACE_OUTPUT"');
  expect(fine).toMatchObject({ result: { kind: "success" }, outputs: [{ key: "n", json: '"5"' }] });
  for (const command of ["cd /", "PATH=/", "/bin/true", "echo > file", "set +r", "exec true"]) {
    expect({ command, ...(await run(command)) }).toMatchObject({
      command,
      result: { kind: "failed", code: "exit_code", message: expect.stringMatching(/restricted|readonly|set: usage/) },
    });
  }
  writeFileSync(join(dagDirectory, "job.sh"), "false | true; echo on\n");
  expect((await execute("bash", { script: "job.sh", restricted: true })).result).toMatchObject({ exitCode: 1 });
});

test("a syntax error is found before anything runs, the same text is checked once, and plain commands never", async () => {
  const broken = await execute("bash", { bash_command: "echo started\nif true; then" });
  expect(broken.result).toMatchObject({
    kind: "failed",
    code: "syntax",
    message: expect.stringContaining("bash_command: line"),
  });
  expect(broken.lines.filter((line) => line.startsWith("stdout"))).toEqual([]);

  const bash_command = `: # ${dagDirectory}`;
  const checks = [await execute("bash", { bash_command }), await execute("bash", { bash_command })];
  expect(checks.map(({ processes }) => processes.length)).toEqual([2, 1]);
  const plain = await execute("bash", { bash_command: `echo ${dagDirectory}` });
  expect(plain.processes).toHaveLength(1);
});

test("values stand beside the code and are never run", async () => {
  const hostile = "'; touch pwned; $(touch pwned) `touch pwned` \"\n-n *";

  const { lines } = await execute("bash", { bash_command: 'printf "%s|" "$V1" ; ls -A' }, { V1: hostile });

  expect(lines.join("\n").replaceAll("stdout: ", "")).toBe(`${hostile}|`);
});

test("a script is taken from the folder of the definition, and so is the working directory", async () => {
  mkdirSync(join(dagDirectory, "sub"));
  writeFileSync(join(dagDirectory, "sub", "job.sh"), "echo from $PWD; exit 7");

  const { result, lines } = await execute("bash", { script: "sub/job.sh", working_directory: "sub" });

  expect(result).toMatchObject({ exitCode: 7 });
  expect(lines).toEqual([`stdout: from ${join(dagDirectory, "sub")}`]);
});

test("a missing script, shell or working directory is told as such", async () => {
  expect((await execute("bash", { script: "missing.sh" })).result).toMatchObject({ code: "not_found" });
  expect((await execute("bash", { bash_command: "true", shell: "/nowhere/bash" })).result).toMatchObject({
    code: "not_found",
  });
  expect((await execute("bash", { bash_command: "true", working_directory: "missing" })).result).toMatchObject({
    code: "not_found",
  });
});

test("another shell may be asked for", async () => {
  expect((await execute("bash", { bash_command: 'echo "${BASH_VERSION:-no bash}"', shell: "sh" })).lines).toEqual([
    "stdout: no bash",
  ]);
  expect((await execute("bash", { bash_command: "false; true", shell: "dash" })).result).toMatchObject({ exitCode: 1 });
});

test("a process that kills itself is told by its signal", async () => {
  expect((await execute("bash", { bash_command: "kill -KILL $$" })).result).toMatchObject({
    code: "signal",
    signal: "SIGKILL",
  });
});

test("python runs inline code, which sees its start directory's modules and its own traceback", async () => {
  writeFileSync(join(dagDirectory, "settings.py"), "answer = 42");
  const inline = await execute("python", {
    python_command: "import settings\nprint(settings.answer)",
    working_directory: ".",
  });
  expect(inline.result).toMatchObject({ kind: "success" });
  expect(inline.lines).toEqual(["stdout: 42"]);

  const failed = await execute("python", { python_code: "def f():\n    raise ValueError('bad day')\nf()" });
  expect(failed.result).toMatchObject({ code: "exit_code", exitCode: 1 });
  const message = failed.result.kind === "failed" ? failed.result.message : "";
  expect(message).toMatch(
    /^exit code 1: ValueError: bad day\nTraceback \(most recent call last\):\n {2}File ".*python_code\.py", line 3/,
  );
  expect(message).toContain("raise ValueError('bad day')");
  expect(message).not.toContain("<string>");
});

test("inline code that does not compile never starts", async () => {
  const { result, lines } = await execute("python", { python_code: "print('started')\nif True print(1)" });

  expect(result).toMatchObject({ code: "syntax", message: expect.stringContaining("SyntaxError") });
  expect(lines.filter((line) => line.startsWith("stdout"))).toEqual([]);
});

test("inline code longer than an argument may be runs, and exits with its own code", async () => {
  const long = `x = '${"a".repeat(300_000)}'\nimport sys\nprint(len(x), sys.argv[1:], __name__)\nsys.exit(5)`;

  const { result, lines } = await execute("python", { python_code: long });

  expect(result).toMatchObject({ code: "exit_code", exitCode: 5 });
  expect(lines).toEqual(["stdout: 300000 [] __main__"]);
});

test("a python_command may be a script with arguments or a command line, both from the definition's folder", async () => {
  writeFileSync(join(dagDirectory, "job.py"), "import os, sys\nprint(sys.argv[1:], os.environ['MILLRACE_TASK_ID'])");

  const script = await execute("python", { python_command: 'job.py --name "$V1"' }, { V1: "Ada L" });
  const line = await execute("python", { python_command: 'python3 "$MILLRACE_DAG_DIR/job.py" x | cat' });
  const file = await execute("python", { python_file: "job.py" });

  expect([script, line, file].map(({ lines }) => lines)).toEqual([
    ["stdout: ['--name', 'Ada L'] task1"],
    ["stdout: ['x'] task1"],
    ["stdout: [] task1"],
  ]);
});

test("a missing python file is told as such", async () => {
  expect((await execute("python", { python_file: "missing.py" })).result).toMatchObject({ code: "not_found" });
});

test("python output is not held back in a buffer", async () => {
  const { lines } = await execute("python", { python_code: "import os\nprint('seen')\nos._exit(0)" });

  expect(lines).toEqual(["stdout: seen"]);
});
