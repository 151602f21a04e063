import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { findConfigFile } from "./config-file.ts";
import { readEnvironment } from "./environment.ts";
import { resolveSettings, type SettingSources } from "./settings.ts";
import { maskSecret, showSettings } from "./show-settings.ts";

function resolve(sources: {
  flags?: SettingSources["flags"];
  environment?: SettingSources["environment"];
  yaml?: string;
}) {
  const file = sources.yaml === undefined ? null : { name: "millrace.yaml", text: sources.yaml };
  return resolveSettings({ flags: sources.flags ?? {}, environment: sources.environment ?? {}, file });
}

/** The problems of a refused configuration, one line each. */
function problemsOf(sources: Parameters<typeof resolve>[0]): string[] {
  try {
    resolve(sources);
  } catch (thrown) {
    const error = AppError.from(thrown);
    expect(error.code).toBe("INVALID_CONFIG");
    const problems = error.details["problems"] as { place: string; message: string }[];
    for (const { place, message } of problems) expect(error.message).toContain(`${place}: ${message}`);
    return problems.map(({ place, message }) => `${place}: ${message}`);
  }
  throw new Error("the configuration was accepted");
}

describe("defaults", () => {
  test("everything has one, in milliseconds and bytes", () => {
    expect(resolve({})).toMatchObject({
      server: { host: "127.0.0.1", port: null },
      dags: { directory: "dags", filePattern: "**/*.{yaml,yml}", reloadOnChange: true, scanIntervalMs: 30_000 },
      limits: { maxTaskTimeoutMs: 86_400_000 },
      worker: { id: null, slots: availableParallelism(), queues: ["default"], labels: {}, drainTimeoutMs: 600_000 },
      executor: { backend: "auto", scanIntervalMs: 5000, handOff: true },
      scheduler: { pollingIntervalMs: 5000, leaseMs: 8000 },
      logs: { maxBytes: 67_108_864 },
      logging: { level: "info" },
      database: { url: null },
      dataDir: ".millrace",
      peers: { parser: ["http://127.0.0.1:8081"], executors: ["http://127.0.0.1:8083"] },
    });
  });

  test("the heartbeat follows a shorter lease, and stays when the lease is longer", () => {
    expect(resolve({}).worker).toMatchObject({ leaseMs: 15_000, heartbeatIntervalMs: 5000 });
    expect(resolve({ environment: { MILLRACE_WORKER_LEASE: "2s" } }).worker.heartbeatIntervalMs).toBe(666);
    expect(resolve({ yaml: "worker: {lease: 1m}" }).worker.heartbeatIntervalMs).toBe(5000);
  });
});

describe("order of sources", () => {
  const yaml = "server: {port: 1001}";
  const environment = { MILLRACE_SERVER_PORT: "1002" };

  test("a flag beats the environment, which beats the file", () => {
    expect(resolve({ yaml }).server.port).toBe(1001);
    expect(resolve({ yaml, environment }).server.port).toBe(1002);
    expect(resolve({ yaml, environment, flags: { port: "1003" } }).server.port).toBe(1003);
  });

  test("an empty variable counts as unset", () => {
    expect(resolve({ yaml, environment: { MILLRACE_SERVER_PORT: "" } }).server.port).toBe(1001);
  });

  test("flags are read by their camel case name; those that are no settings are left alone", () => {
    const settings = resolve({
      flags: {
        dataDir: "/data",
        dags: "flows",
        logLevel: "debug",
        workerId: "w1",
        queues: "a, b",
        labels: "gpu=true,zone=x",
        dryRun: true,
      },
    });

    expect(settings.dataDir).toBe("/data");
    expect(settings.dags.directory).toBe("flows");
    expect(settings.logging.level).toBe("debug");
    expect(settings.worker).toMatchObject({ id: "w1", queues: ["a", "b"], labels: { gpu: "true", zone: "x" } });
  });

  test("variables with names of their own", () => {
    const settings = resolve({
      environment: {
        DATABASE_URL: "postgres://db/m",
        MILLRACE_EXECUTORS: "http://a:8083,http://b:8083",
        MILLRACE_DATA_DIR: "/d",
        MILLRACE_DATABASE_POOL_MAX: "7",
        MILLRACE_EXECUTOR_HAND_OFF: "false",
        MILLRACE_LOGS_MAX_BYTES: "1GiB",
      },
    });

    expect(settings).toMatchObject({
      database: { url: "postgres://db/m", pool: { max: 7 } },
      peers: { executors: ["http://a:8083", "http://b:8083"] },
      dataDir: "/d",
      executor: { handOff: false },
      logs: { maxBytes: 2 ** 30 },
    });
  });

  test("a file has typed values; empty files and sections are nothing", () => {
    const yaml = "worker:\n  queues: [x, y]\n  labels: {gpu: 'true'}\ndags: {reload_on_change: false}\nlogs:\n";

    expect(resolve({ yaml })).toMatchObject({
      worker: { queues: ["x", "y"], labels: { gpu: "true" } },
      dags: { reloadOnChange: false },
    });
    expect(resolve({ yaml: "# nothing\n" })).toEqual(resolve({}));
  });
});

describe("refusals", () => {
  test("all problems of all sources are told at once, each with place, setting, variable and fix", () => {
    const problems = problemsOf({
      yaml: "worker:\n  leese: 10s\n  slots: none\nserverr: {port: 1}\nlimits: 3\n",
      environment: { MILLRACE_WORKER_LEASE: "soon", MILLRACE_WROKER_SLOTS: "3" },
      flags: { port: "99999" },
    });

    expect(problems).toEqual([
      "millrace.yaml:2:3: worker.leese is not a setting; did you mean worker.lease?",
      "millrace.yaml:4:1: serverr is not a setting; did you mean server?",
      "millrace.yaml:5:1: limits must be a map of settings",
      "MILLRACE_WROKER_SLOTS: no setting has this variable; did you mean MILLRACE_WORKER_SLOTS?",
      '--port: server.port (variable MILLRACE_SERVER_PORT) must be a whole number from 0 to 65535, found "99999"',
      'millrace.yaml:3:3: worker.slots (variable MILLRACE_WORKER_SLOTS) must be a whole number from 1 to 10000, found "none"',
      'MILLRACE_WORKER_LEASE: worker.lease (variable MILLRACE_WORKER_LEASE) must be a duration such as 30s, 5m, 2h, 1d, 1h30m or ISO 8601 (PT1H30M), found "soon"',
    ]);
  });

  test.each([
    ["worker: {lease: 15}", "worker.lease"],
    ["worker: {lease: 0s}", "worker.lease"],
    ["worker: {lease: null}", "worker.lease"],
    ["worker: {queues: []}", "worker.queues"],
    ["worker: {id: stats}", "worker.id"],
    ["worker: {on_refusal: give up}", "worker.on_refusal"],
    ["worker: {queues: [a, 1]}", "worker.queues"],
    ["worker: {labels: {a: 1}}", "worker.labels"],
    ["worker: {labels: 'a'}", "worker.labels"],
    ["worker: {id: 'a b'}", "worker.id"],
    ["logs: {max_bytes: 10KB}", "logs.max_bytes"],
    ["logging: {level: verbose}", "logging.level"],
    ["dags: {reload_on_change: maybe}", "dags.reload_on_change"],
    ["dags: {directory: ''}", "dags.directory"],
    ["peers: {executors: 'localhost:8083'}", "peers.executors"],
    ["executor: {backend: kafkaesque}", "executor.backend"],
    ["worker: {lease: 10s, heartbeat_interval: 5s}", "worker.lease"],
    ["worker: {heartbeat_interval: 10s}", "worker.lease"],
  ])("%s", (yaml, name) => {
    expect(problemsOf({ yaml })).toEqual([expect.stringContaining(`${name} (variable MILLRACE_`)]);
  });

  test.each(["a: [", "a: 1\na: 2", "- list", "just text", "&a [*a]"])("the file %j", (yaml) => {
    expect(problemsOf({ yaml })[0]).toMatch(/^millrace\.yaml:\d+:\d+: /);
  });

  test("a bad database address is refused without being shown", () => {
    const [problem] = problemsOf({ environment: { DATABASE_URL: "mysql://u:hunter2@db/x" } });

    expect(problem).toContain("DATABASE_URL");
    expect(problem).not.toContain("hunter2");
  });

  test("variables of tasks, connections and tests are none of ours; others are refused", () => {
    expect(
      resolve({ environment: { MILLRACE_OUTPUT: "x", MILLRACE_DAG_DIR: "x", MILLRACE_CONN_SHOP: "x", HOME: "x" } }),
    ).toEqual(resolve({}));
    expect(problemsOf({ environment: { MILLRACE_DATABASE_URL: "x" } })).toEqual([
      "MILLRACE_DATABASE_URL: no setting has this variable; did you mean DATABASE_URL?",
    ]);
  });
});

describe("configuration file", () => {
  async function folder(): Promise<string> {
    const directory = await mkdtemp(path.join(tmpdir(), "config-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    return directory;
  }

  test("millrace.yaml is optional, a named one is not", async () => {
    const directory = await folder();

    expect(await findConfigFile({ flag: null, environment: {}, directory })).toBeNull();
    await expect(findConfigFile({ flag: "x.yaml", environment: {}, directory })).rejects.toMatchObject({
      code: "INVALID_CONFIG",
    });
    await writeFile(path.join(directory, "millrace.yaml"), "a");
    await writeFile(path.join(directory, "other.yaml"), "b");
    expect(await findConfigFile({ flag: null, environment: {}, directory })).toEqual({
      name: "millrace.yaml",
      text: "a",
    });
    expect(
      await findConfigFile({ flag: null, environment: { MILLRACE_CONFIG: "other.yaml" }, directory }),
    ).toMatchObject({ text: "b" });
    expect(
      await findConfigFile({ flag: "millrace.yaml", environment: { MILLRACE_CONFIG: "other.yaml" }, directory }),
    ).toMatchObject({ text: "a" });
  });
});

describe("showSettings", () => {
  test("reads as a file would, without secrets", () => {
    const shown = showSettings(
      resolve({ environment: { DATABASE_URL: "postgres://me:hunter2@db/m?sslpassword=hunter3" } }),
    );

    expect(shown).toMatchObject({
      worker: { lease: "15s", heartbeat_interval: "5s" },
      server: { port: null },
      logs: { max_bytes: 67_108_864 },
    });
    expect(JSON.stringify(shown)).toContain("postgres://me:***@db/m");
    expect(JSON.stringify(shown)).not.toContain("hunter");
    expect(maskSecret("hunter2")).toBe("***");
  });

  test("what it shows resolves to the same settings", () => {
    const settings = resolve({ yaml: "worker: {lease: 30s, id: w, labels: {a: b}}" });

    expect(resolve({ yaml: JSON.stringify(showSettings(settings)) })).toEqual(settings);
  });
});

test("readEnvironment answers a copy", () => {
  expect(readEnvironment()).toMatchObject({ PATH: process.env["PATH"] });
  expect(readEnvironment()).not.toBe(process.env);
});
