import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "./harness/run-cli.ts";

const greeting = `
id: greeting
parameters:
  name: {type: string, default: World}
  times: {type: integer, default: 1}
tasks:
  - id: greet
    type: bash
    operator: {bash_command: "echo Hello {{ params.name }} && echo who={{ params.name }} >> $MILLRACE_OUTPUT"}
  - id: left
    type: noop
    dependencies: [greet]
    operator: {}
  - id: right
    type: bash
    dependencies: [greet]
    operator: {bash_command: "echo heard {{ outputs.greet.who }}"}
  - id: end
    type: noop
    dependencies: [left, right]
    operator: {}
`;

const failing = `
id: failing
tasks:
  - id: broken
    type: bash
    operator: {bash_command: "echo before; exit 7"}
  - id: never
    type: noop
    dependencies: [broken]
    operator: {}
  - id: beside
    type: noop
    operator: {}
  - id: report
    type: noop
    dependencies: [broken]
    trigger_rule: all_done
    operator: {}
`;

const slow = `
id: slow
tasks:
  - id: wait
    type: bash
    operator: {bash_command: "echo started; sleep 60"}
    grace_period: 1s
  - id: after
    type: noop
    dependencies: [wait]
    operator: {}
`;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-cli-"));
  const files = { "greeting.yaml": greeting, "failing.yaml": failing, "slow.yaml": slow };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function millrace(...args: string[]): ReturnType<typeof runCli> {
  return runCli(args, { cwd: folder });
}

describe("millrace --help", () => {
  test("lists the commands and ends with 0", async () => {
    const { exitCode, stdout, stderr } = await millrace("--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const name of ["dev", "start", "run", "validate", "trigger", "runs", "show", "logs", "cancel"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
  });

  test("an unknown command ends with 2", async () => {
    expect((await millrace("bogus")).exitCode).toBe(2);
  });
});

describe("millrace validate", () => {
  test("counts what is valid", async () => {
    const { exitCode, stdout } = await millrace("validate", ".");
    expect({ exitCode, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({ exitCode: 0, last: "3 DAG(s) valid" });
  });

  test("prints every problem of a file with its place and ends with 1", async () => {
    await inFolder(
      { "bad.yaml": "id: bad\ntasks:\n  - id: a\n    type: noop\n    operater: {}\n    dependencies: [b]\n" },
      async (bad) => {
        const { exitCode, stdout } = await millrace("validate", bad);
        expect(exitCode).toBe(1);
        expect(stdout).toMatch(/^\S*bad\.yaml:5:5 [A-Z_]+ .*operater.*operator/m);
        expect(stdout).toMatch(/^\S*bad\.yaml:6:\d+ [A-Z_]+ .*\bb\b/m);
        expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^0 DAG\(s\) valid, \d+ error\(s\)/);
      },
    );
  });

  test("refuses two files with one id, ignores what discovery ignores", async () => {
    const files = { "a.yaml": greeting, "b.yaml": greeting, "c.tmp.yaml": greeting, ".d.yaml": greeting };
    await inFolder(files, async (twice) => {
      const { exitCode, stdout } = await millrace("validate", twice);
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/b\.yaml:2:1 DAG_ID_TAKEN .*a\.yaml/);
      expect(stdout).toContain("1 DAG(s) valid");
    });
  });

  test("prints JSON and GitHub's annotations", async () => {
    await inFolder({ "bad.yaml": "id: bad\ntasks: []\n" }, async (bad) => {
      const json = JSON.parse((await millrace("validate", bad, "--format", "json")).stdout) as {
        errors: { line: number }[];
      };
      expect(json.errors[0]?.line).toBe(2);
      expect((await millrace("validate", bad, "--format", "github")).stdout).toMatch(
        /^::error file=\S*bad\.yaml,line=2,/m,
      );
    });
  });
});

describe("millrace run", () => {
  test("runs to the end, with parameters, outputs and logs in plain lines, and ends with 0", async () => {
    const { exitCode, stdout, stderr } = await millrace("run", "greeting.yaml", "-p", "name=Ada; rm -rf $HOME '\"");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain("greet | Hello Ada; rm -rf $HOME '\"");
    expect(stdout).toContain("right | heard Ada; rm -rf $HOME '\"");
    expect(stdout).toMatch(/^✓ success greeting \S+ in .*: 4 success$/m);
    expect(stdout).not.toContain("\u001b");
  });

  test("a failure leaves its descendants alone, lets the rest go on, and ends with 1", async () => {
    const { exitCode, stdout } = await millrace("run", "failing.yaml");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("broken | before");
    expect(stdout).toMatch(/✗ broken failed/);
    expect(stdout).toMatch(/⚠ never upstream_failed/);
    expect(stdout).toMatch(/✗ failed failing \S+ in .*: 2 success, 1 failed, 1 upstream_failed/);
    expect(stdout).toMatch(/^ {2}✗ broken: .*7/m);
  });

  test("wrong definitions, parameters and files end with 2", async () => {
    await inFolder({ "bad.yaml": "id: bad\ntasks: [\n" }, async (bad) => {
      const { exitCode, stderr } = await millrace("run", join(bad, "bad.yaml"));
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/bad\.yaml:\d+:\d+ [A-Z_]+ /);
    });
    const wrongType = await millrace("run", "greeting.yaml", "-p", "times=many");
    expect(wrongType.exitCode).toBe(2);
    expect(wrongType.stderr).toContain("parameter times must be a whole number");
    expect((await millrace("run", "missing.yaml")).exitCode).toBe(2);
  });

  test("Ctrl-C cancels the run, kills what runs and ends with 3", async () => {
    const begun = performance.now();
    const { exitCode, stdout } = await runCli(["run", "slow.yaml"], {
      cwd: folder,
      signalWhen: { signal: "SIGINT", isTime: (written) => written.stdout.includes("wait | started") },
    });
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^■ cancelled slow /m);
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  test("--output json prints the run with its tasks and outputs", async () => {
    const { exitCode, stdout } = await millrace("run", "greeting.yaml", "--output", "json");
    expect(exitCode).toBe(0);
    const run = JSON.parse(stdout) as {
      state: string;
      task_instances: { task_id: string; state: string; xcom_values: unknown }[];
    };
    expect(run.state).toBe("success");
    expect(run.task_instances.find(({ task_id }) => task_id === "greet")?.xcom_values).toEqual({ who: "World" });
    expect(run.task_instances.map(({ state }) => state)).toEqual(["success", "success", "success", "success"]);
  });

  test("--dry-run shows the plan and runs nothing", async () => {
    const { exitCode, stdout } = await millrace("run", "greeting.yaml", "--dry-run", "-p", "times=3");
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        "greeting would run 4 task(s)",
        "  greet bash",
        "  ├─ left noop",
        "  ├─ right bash",
        "  └─ end noop, after left + right",
        "parameters",
        '  name = "World"',
        "  times = 3",
        "",
      ].join("\n"),
    );
  });

  test("--slots 1 runs one task at a time, in the order of the tree", async () => {
    const { stdout } = await millrace("run", "greeting.yaml", "--slots", "1");
    const started = [...stdout.matchAll(/◐ (\w+) running/g)].map((match) => match[1]).filter((name) => name !== "run");
    expect(started).toEqual(["greet", "left", "right", "end"]);
  });
});

describe("checks before a start", () => {
  test("--dry-run says where a server would listen, and what is wrong", async () => {
    await inFolder({ "dags.yaml": greeting }, async (place) => {
      const good = await millrace(
        "dev",
        "--dry-run",
        "--port",
        "0",
        "--dags",
        place,
        "--data-dir",
        join(place, "data"),
      );
      expect(good.exitCode).toBe(0);
      expect(good.stdout).toMatch(
        /✓ database +embedded PostgreSQL in [\s\S]*would listen at http:\/\/127\.0\.0\.1:0\n$/,
      );
      const bad = await millrace("start", "parser", "--dry-run", "--port", "0", "--dags", join(place, "none"));
      expect(bad.exitCode).toBe(1);
      expect(bad.stdout).toMatch(/✗ database +DATABASE_URL is not set/);
      expect(bad.stdout).toMatch(/✗ definitions +can't read the folder/);
    });
  });

  test("db migrate applies what is missing, db status shows it", async () => {
    await inFolder({}, async (place) => {
      const before = await millrace("db", "status", "--data-dir", place);
      expect({ code: before.exitCode, text: before.stdout }).toEqual({
        code: 0,
        text: expect.stringContaining("pending"),
      });
      expect((await millrace("db", "migrate", "--data-dir", place)).stdout).toMatch(/^applied 0001_/);
      expect((await millrace("db", "migrate", "--data-dir", place)).stdout).toBe("nothing to apply\n");
      expect((await millrace("db", "status", "--data-dir", place)).stdout).toMatch(/0001_\w+ +applied/);
    });
  });

  test("config show masks secrets, config schema describes every setting", async () => {
    const environment = { DATABASE_URL: "postgres://user:hidden@host/db", MILLRACE_WORKER_SLOTS: "7" };
    const { stdout } = await runCli(["config", "show", "--output", "json"], { cwd: folder, environment });
    expect(stdout).not.toContain("hidden");
    expect(JSON.parse(stdout)).toMatchObject({ worker: { slots: 7 } });
    const schema = JSON.parse((await millrace("config", "schema", "--output", "json")).stdout) as {
      properties: object;
    };
    expect(schema.properties).toMatchObject({ worker: { properties: { slots: { type: "integer" } } } });
  });
});

async function inFolder(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const place = await mkdtemp(join(folder, "case-"));
  await mkdir(place, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(place, name), text);
  try {
    await use(place);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
