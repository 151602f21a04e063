import { expect, test } from "vitest";
import { attemptDirectories } from "./attempt-directories.ts";
import { buildAttemptEnvironment, findEnvironmentProblem, selectHostVariables } from "./attempt-environment.ts";

const facts = {
  dagRunId: "run1",
  dagId: "dag1",
  taskId: "load",
  tryNumber: 3,
  logicalDate: "2026-01-02T00:00:00Z",
  idempotencyKey: "run1/load/3",
  dagDirectory: "/dags",
  traceparent: "00-1-2-01",
};

test("tasks see what the list names and nothing else of the host", () => {
  const seen = selectHostVariables({
    PATH: "/bin",
    HOME: "/h",
    LC_ALL: "C",
    TZ: "UTC",
    DATABASE_URL: "postgres://secret",
    MILLRACE_TOKEN: "secret",
    AWS_SECRET_ACCESS_KEY: "secret",
    LANG: undefined,
  });

  expect(seen).toEqual({ PATH: "/bin", HOME: "/h", LC_ALL: "C", TZ: "UTC" });
  expect(selectHostVariables({})["PATH"]).toContain("/usr/bin");
});

test("later layers win, and the attempt's own variables win over all", () => {
  const directories = attemptDirectories("/data", "t1");
  const layers = [
    { PATH: "/bin", A: "host" },
    { A: "task", B: "task" },
    { B: "operator", MILLRACE_RUN_ID: "faked" },
  ];

  expect(buildAttemptEnvironment(layers, facts, directories)).toEqual({
    PATH: "/bin",
    A: "task",
    B: "operator",
    TMPDIR: "/data/attempts/t1/tmp",
    MILLRACE_RUN_ID: "run1",
    MILLRACE_DAG_ID: "dag1",
    MILLRACE_TASK_ID: "load",
    MILLRACE_TRY_NUMBER: "3",
    MILLRACE_LOGICAL_DATE: "2026-01-02T00:00:00Z",
    MILLRACE_IDEMPOTENCY_KEY: "run1/load/3",
    MILLRACE_OUTPUT: "/data/attempts/t1/output",
    MILLRACE_ARTIFACTS: "/data/attempts/t1/artifacts",
    MILLRACE_TMPDIR: "/data/attempts/t1/tmp",
    MILLRACE_DAG_DIR: "/dags",
    TRACEPARENT: "00-1-2-01",
  });
  expect(buildAttemptEnvironment(layers, { ...facts, traceparent: "" }, directories)).not.toHaveProperty("TRACEPARENT");
});

test("a value that no environment can carry is named", () => {
  expect(findEnvironmentProblem({ A: "fine", B: "x".repeat(131_000) })).toBeNull();
  expect(findEnvironmentProblem({ A: "a\0b" })).toContain("variable A holds a NUL");
  expect(findEnvironmentProblem({ BIG: "é".repeat(66_000) })).toContain("variable BIG has");
});
