import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OperatorResult } from "#operators/operator.ts";
import { createTestContext, createTestHost } from "#operators/operator-context.testsuite.ts";
import { findOperator, operatorSchemas } from "#operators/registry.ts";
import { createLogger } from "#telemetry/logger.ts";
import { selectHostVariables } from "./attempt-environment.ts";
import { RunnerClient } from "./runner-client.ts";

/** Installs from a folder of wheels alone. */
const makeWheel = `
import sys, zipfile
folder, version = sys.argv[1:]
with zipfile.ZipFile(f"{folder}/shout-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr("shout.py", f"VERSION = '{version}'")
    info = f"shout-{version}.dist-info"
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: shout\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;
const readVersion = "import shout, sys; print(shout.VERSION, sys.prefix != sys.base_prefix)";

let folder = "";
let virtualenvs = "";
let client: RunnerClient;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-packages-"));
  virtualenvs = join(folder, "virtualenvs");
  for (const name of ["data", "wheels"]) mkdirSync(join(folder, name));
  execFileSync("python3", ["-c", makeWheel, join(folder, "wheels"), "1.0"]);
  client = new RunnerClient({
    dataDir: join(folder, "data"),
    environment: selectHostVariables(process.env),
    logger: createLogger({ level: "silent", format: "json", component: "test" }),
  });
});
afterAll(async () => {
  await client.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  config: Record<string, unknown>,
  environment: Readonly<Record<string, string>> = { PIP_NO_INDEX: "1", PIP_FIND_LINKS: join(folder, "wheels") },
): Promise<{ result: OperatorResult; lines: readonly string[] }> {
  count += 1;
  const lines: string[] = [];
  const attempt = client.open({
    token: `packages-${process.pid}-${count}`,
    logMaxBytes: 1024 * 1024,
    credit: 1024 * 1024,
    captureStdout: false,
    onLog: ({ entries }) => lines.push(...entries.flatMap(({ text }) => text.split("\n"))),
  });
  const context = createTestContext({
    config,
    environment: { ...selectHostVariables(process.env), ...environment },
    workingDirectory: attempt.directories.work,
    codeDirectory: attempt.directories.code,
    dagDirectory: folder,
    host: createTestHost({ virtualenvs }),
    startProcess: (options) => attempt.startProcess(options),
  });
  const result = (await findOperator("python")?.execute(context)) ?? { kind: "skipped" };
  await attempt.close();
  return { result, lines };
}

const made = (): readonly string[] => readdirSync(virtualenvs).filter((name) => !name.endsWith(".lock"));

test("attempts with the same requirements share one virtualenv, made once", { timeout: 120_000 }, async () => {
  const config = { python_code: readVersion, requirements: ["shout==1.0"] };
  const both = await Promise.all([run(config), run(config)]);
  const third = await run({ ...config, python_code: undefined, python_command: `python3 -c "${readVersion}"` });

  for (const { result, lines } of [...both, third]) {
    expect(result).toEqual({ kind: "success", exitCode: 0 });
    expect(lines).toContain("1.0 True");
  }
  const makers = [...both, third].filter(({ lines }) => lines.includes("making a virtualenv for the requirements"));
  expect(makers).toHaveLength(1);
  expect(made()).toHaveLength(1);
});

test("one that was made only in part is made again, and what was used least recently gives way", {
  timeout: 120_000,
}, async () => {
  writeFileSync(join(folder, "needs.txt"), "shout==1.0");
  writeFileSync(join(folder, "show.py"), readVersion);
  const config = { python_file: "show.py", requirements: "needs.txt" };
  await run(config);
  for (const name of made()) rmSync(join(virtualenvs, name, "millrace-ready"));
  for (let age = 0; age < 25; age += 1) {
    const mark = join(virtualenvs, `old-${age}`, "millrace-ready");
    mkdirSync(dirname(mark));
    writeFileSync(mark, "");
    utimesSync(mark, 1000 + age, 1000 + age);
  }

  const { result, lines } = await run(config);

  expect(result.kind).toBe("success");
  expect(lines).toEqual(["making a virtualenv for the requirements", "1.0 True"]);
  expect(made()).toHaveLength(20);
  expect(existsSync(join(virtualenvs, "old-0"))).toBe(false);
  expect(existsSync(join(virtualenvs, "old-24"))).toBe(true);
});

test("an index that can't be reached may be there again; a package that does not exist will not", {
  timeout: 120_000,
}, async () => {
  const away = await run(
    { python_code: "pass", requirements: ["shout"] },
    { PIP_INDEX_URL: "http://127.0.0.1:1/simple" },
  );
  expect(away.result).toEqual({
    kind: "failed",
    code: "connection",
    message: "the requirements can't be installed: the package index can't be reached",
  });
  const unknown = await run({ python_code: "pass", requirements: ["shout==9"] });
  expect(unknown.result).toMatchObject({ code: "configuration", message: expect.stringContaining("shout==9") });
  const nested = await run({ python_code: "pass", requirements: ["-r other.txt"] });
  expect(nested.result).toMatchObject({ code: "configuration", message: expect.stringContaining("-r other.txt") });
  const missing = await run({ python_code: "pass", requirements: "no-such.txt" });
  expect(missing.result).toMatchObject({ code: "configuration", message: expect.stringContaining("no-such.txt") });
});

test("a virtualenv of one's own is entered, and one that is none is named", { timeout: 120_000 }, async () => {
  execFileSync("python3", ["-m", "venv", "--without-pip", join(folder, "own")]);
  const code = { python_code: "import os, sys; print(sys.prefix == os.environ['VIRTUAL_ENV'])" };

  expect((await run({ ...code, virtualenv: "own" })).lines).toEqual(["True"]);
  expect((await run({ ...code, virtualenv: "wheels" })).result).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("wheels is no virtualenv"),
  });
});

test("a task's own exit code and words are its own", { timeout: 120_000 }, async () => {
  const { result } = await run({ python_code: "raise SystemExit(121)", requirements: "needs.txt" });

  expect(result).toMatchObject({ code: "exit_code", exitCode: 121 });
});

test("both at once are refused", () => {
  const fields = operatorSchemas.get("python")?.fields;

  expect(fields?.safeParse({ python_code: "1", virtualenv: "a" }).success).toBe(true);
  expect(fields?.safeParse({ python_code: "1", requirements: ["a"] }).success).toBe(true);
  expect(fields?.safeParse({ python_code: "1", requirements: ["a"], virtualenv: "a" }).success).toBe(false);
});
