import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDefinition } from "./parse-definition.ts";

const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  [
    "bash",
    {
      fields: z.strictObject({
        bash_command: z.string(),
        working_directory: z.string().optional(),
        count: z.number().optional(),
      }),
      code: { bash_command: "shell" as const },
      description: "shell",
      defaultRetries: 1,
      defaultTimeoutMs: 60_000,
    },
  ],
]);

const hour = 3_600_000;

function parse(text: string) {
  return parseDefinition(text, { file: "dag.yaml", operators, maxTaskTimeoutMs: 24 * hour });
}

/** Problems as `line:column CODE message (hint)`. */
function problemsOf(text: string): string[] {
  return parse(text).problems.map(
    ({ line, column, code, message, hint }) => `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

function codesOf(text: string): string[] {
  return parse(text).problems.map(({ code }) => code);
}

const oneTask = "tasks:\n  - {id: a, type: noop, operator: {}}\n";

describe("the normal form", () => {
  test("fills in the defaults", () => {
    const { definition, problems, id } = parse(`id: small\n${oneTask}`);
    expect(problems).toEqual([]);
    expect(id).toBe("small");
    expect(definition).toEqual({
      format: 1,
      id: "small",
      description: "",
      owner: "",
      tags: [],
      timezone: "UTC",
      schedule: null,
      parameters: {},
      additionalParameters: true,
      allowManualTrigger: true,
      maxActiveRuns: 16,
      maxActiveTasks: null,
      runTimeoutMs: null,
      priority: 0,
      executor: null,
      tasks: [
        {
          id: "a",
          type: "noop",
          description: "",
          operator: {},
          dependencies: [],
          triggerRule: "all_success",
          when: null,
          parameters: {},
          environment: {},
          retry: {
            maxRetries: 0,
            delayMs: 30_000,
            backoffMultiplier: 2,
            maxDelayMs: 300_000,
            jitter: 0.1,
            retryExitCodes: null,
            noRetryExitCodes: [125, 126, 127],
            retryTimeoutMs: null,
            maxInfraRetries: 3,
            idempotent: true,
          },
          timeoutMs: 24 * hour,
          queueTimeoutMs: null,
          graceMs: 30_000,
          allowFailure: false,
          queue: "default",
          pool: null,
          priority: 0,
          executor: null,
          captureStdout: false,
          keepPartialOutputs: false,
        },
      ],
    });
  });

  test("is plain JSON", () => {
    const { definition } = parse(`id: small\nschedule: "@daily"\nparameters: {a: 1, b: {type: string}}\n${oneTask}`);
    expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
  });

  test("reads tasks as a map, and edges from both ends", () => {
    const { definition, problems } = parse(
      [
        "id: edges",
        "tasks:",
        "  a: {type: noop, operator: {}, downstream: [b, {task: c, on: failure}]}",
        "  b: {type: noop, operator: {}, dependencies: [a]}",
        "  c: {type: noop, operator: {}, dependencies: [{task: b, on: completion}]}",
      ].join("\n"),
    );
    expect(problems).toEqual([]);
    expect(definition?.tasks.map(({ id, dependencies }) => ({ id, dependencies }))).toEqual([
      { id: "a", dependencies: [] },
      { id: "b", dependencies: [{ task: "a", on: "success" }] },
      {
        id: "c",
        dependencies: [
          { task: "b", on: "completion" },
          { task: "a", on: "failure" },
        ],
      },
    ]);
  });

  test.each([
    ["retries: 2", 2],
    ["retry: {max_retries: 4}", 4],
    ["retry: {delay: 1s}", 3],
    ["description: x", 1],
  ])("%s gives the right number of retries, also for an operator that declares some", (setting, maxRetries) => {
    const { definition } = parse(
      `id: x\ntasks:\n  - id: a\n    type: bash\n    operator: {bash_command: ls}\n    ${setting}\n`,
    );
    expect(definition?.tasks[0]?.retry.maxRetries).toBe(maxRetries);
  });

  test("lets a task's own words win over the defaults of all tasks, key by key", () => {
    const { definition } = parse(
      [
        "id: x",
        "default_task_config:",
        "  retry: {max_retries: 5, delay: 1m}",
        "  timeout: 1h",
        "  queue: slow",
        "  environment: {A: 1, B: two}",
        "  parameters: {p: 1, q: 2}",
        "tasks:",
        "  - {id: a, type: noop, operator: {}, retries: 2, timeout: 30s, environment: {B: three}, parameters: {q: 3}}",
        "  - {id: b, type: noop, operator: {}}",
      ].join("\n"),
    );
    const [a, b] = definition?.tasks ?? [];
    expect(a).toMatchObject({
      timeoutMs: 30_000,
      queue: "slow",
      environment: { A: "1", B: "three" },
      parameters: { p: 1, q: 3 },
    });
    expect(a?.retry).toMatchObject({ maxRetries: 2, delayMs: 60_000 });
    expect(b?.retry).toMatchObject({ maxRetries: 5, delayMs: 60_000 });
    expect(b).toMatchObject({ timeoutMs: hour, environment: { A: "1", B: "two" } });
  });

  test("takes the operator's timeout where the task has none", () => {
    const { definition } = parse("id: x\ntasks:\n  - {id: a, type: bash, operator: {bash_command: ls}}\n");
    expect(definition?.tasks[0]?.timeoutMs).toBe(60_000);
  });

  test.each([
    ['schedule: "0 2 * * *"', { text: "0 2 * * *", timezone: "Europe/Berlin" }],
    ['schedule: {cron: "@daily"}', { text: "@daily", timezone: "Europe/Berlin" }],
    ['schedule: {cron: "@daily", timezone: Asia/Tokyo}', { text: "@daily", timezone: "Asia/Tokyo" }],
    ["schedule:", null],
  ])("%s", (line, schedule) => {
    expect(parse(`id: x\ntimezone: Europe/Berlin\n${line}\n${oneTask}`).definition?.schedule).toEqual(schedule);
  });

  test.each([
    ["when: params.a == 1", "params.a == 1"],
    ['when: "{{ params.a == 1 }}"', "params.a == 1"],
    ["when: false", "false"],
    ["when: true", null],
  ])("%s", (line, when) => {
    const { definition, problems } = parse(
      `id: x\nparameters: {a: 1}\ntasks:\n  - id: a\n    type: noop\n    operator: {}\n    ${line}\n`,
    );
    expect(problems).toEqual([]);
    expect(definition?.tasks[0]?.when).toBe(when);
  });
});

describe("keys and types", () => {
  test.each([
    ["schedul: x", "2:1 UNKNOWN_KEY the key `schedul` is not known (did you mean `schedule`?)"],
    ["format: 2", "2:9 INVALID_VALUE `format` must be 1, not 2"],
    ["tags: analytics", '2:7 INVALID_TYPE `tags` must be a list, not the text "analytics" (write a list: [analytics])'],
    ["priority: 101", "2:11 OUT_OF_RANGE `priority` must be at most 100"],
    ["max_active_runs: 0", "2:18 OUT_OF_RANGE `max_active_runs` must be at least 1"],
    ["run_timeout: 90", "2:14 INVALID_TYPE `run_timeout` must be text, not 90 (give a unit, for example 90s)"],
    [
      "run_timeout: 0s",
      "2:14 INVALID_VALUE `run_timeout` must be a duration greater than zero: 30s, 5m, 2h, 1d, 1h30m or ISO 8601 (PT1H30M)",
    ],
    ["timezone: Berlin", '2:11 INVALID_TIMEZONE there is no time zone "Berlin" (did you mean `Europe/Berlin`?)'],
    [
      "schedule: {cron: '@daily', catchup: some}",
      '2:37 INVALID_VALUE `schedule.catchup` must be one of none, latest, all, not the text "some"',
    ],
    ["schedule: 12", '2:11 INVALID_TYPE `schedule` can\'t be 12 (put it in quotes: "12")'],
    [
      "executor: kubernetes",
      "2:11 NOT_SUPPORTED `executor: kubernetes` is not supported by this version of Millrace yet (remove it; it would have no effect)",
    ],
    [
      "<<: {a: 1}",
      "2:1 UNKNOWN_KEY the key `<<` is not known (merge keys are no part of YAML 1.2; use `default_task_config`)",
    ],
    ["default_task_config: {when: a}", "2:23 UNKNOWN_KEY the key `when` is not known in `default_task_config`"],
  ])("%s", (line, problem) => {
    expect(problemsOf(`id: x\n${line}\n${oneTask}`)).toEqual([problem]);
  });

  test("a cron expression is checked in its zone", () => {
    expect(codesOf(`id: x\nschedule: "61 * * * *"\n${oneTask}`)).toEqual(["INVALID_CRON"]);
    expect(codesOf(`id: x\nschedule: "0 0 31 4 *"\n${oneTask}`)).toEqual(["INVALID_CRON"]);
  });

  test("a timeout above the server's limit names the setting", () => {
    expect(problemsOf("id: x\ntasks:\n  - {id: a, type: noop, operator: {}, timeout: 25h}\n")).toEqual([
      "3:48 TIMEOUT_TOO_LONG `timeout: 1d1h` is longer than this server allows (1d) (shorten it, or raise `limits.max_task_timeout`)",
    ]);
  });

  test("two ways to say one thing exclude each other", () => {
    const task =
      "{id: a, type: noop, operator: {}, retries: 1, retry_timeout: 1m, retry: {max_retries: 2, retry_timeout: 2m}}";
    expect(codesOf(`id: x\ntasks: [${task}]\n`)).toEqual(["DUPLICATE_KEY", "DUPLICATE_KEY"]);
  });

  test("a delay that the longest one cuts is a warning", () => {
    const text = (retry: string): string => `id: x\ntasks: [{id: a, type: noop, operator: {}, retry: ${retry}}]\n`;
    expect(problemsOf(text("{delay: 10m}"))).toEqual([
      "2:58 RETRY_DELAY `delay` is longer than `max_delay` (5m), which is what retries wait (raise `max_delay`)",
    ]);
    expect(parse(text("{delay: 10m}")).definition).not.toBeNull();
    expect(codesOf(text("{delay: 10m, max_delay: 1h}"))).toEqual([]);
  });

  test("environment variables are text with plain names", () => {
    const task = "{id: a, type: noop, operator: {}, environment: {A-B: x, C: [1], D: 3, E: }}";
    expect(codesOf(`id: x\ntasks: [${task}]\n`)).toEqual(["INVALID_KEY", "INVALID_TYPE", "INVALID_TYPE"]);
  });
});

describe("ids", () => {
  test.each([
    ["id: 2024", '1:5 INVALID_ID the id 2024 is read as a number (put it in quotes: "2024")'],
    ["id: a/b", '1:5 INVALID_ID the id "a/b" can\'t be used (1 to 200 letters, digits, `_`, `.` or `-`)'],
    ["owner: me", "1:1 MISSING_KEY `id` is required"],
  ])("of a DAG: %s", (line, problem) => {
    expect(problemsOf(`${line}\n${oneTask}`)).toEqual([problem]);
  });

  test.each([
    ["id: 12", '4:9 INVALID_ID the id 12 is read as a number (put it in quotes: "12")'],
    [
      "id: a.b",
      '4:9 INVALID_ID the task id "a.b" can\'t be used (letters, digits, `_` and `-`, beginning with a letter or `_`, at most 200 characters)',
    ],
    [
      "description: x",
      "4:5 MISSING_KEY `id` is required (letters, digits, `_` and `-`, beginning with a letter or `_`, at most 200 characters)",
    ],
  ])("of a task: %s", (line, problem) => {
    expect(problemsOf(`id: x\n\ntasks:\n  - ${line}\n    type: noop\n    operator: {}\n`)).toEqual([problem]);
  });

  test("are unique", () => {
    expect(problemsOf(`id: x\n${oneTask}  - {id: a, type: noop, operator: {}}\n`)).toEqual([
      "4:10 DUPLICATE_ID the task id `a` is used twice (ids are unique in a definition)",
    ]);
  });

  test("may be words of JavaScript", () => {
    const { definition, problems } = parse(
      "id: constructor\nparameters: {toString: 1}\ntasks: {hasOwnProperty: {type: noop, operator: {}}}\n",
    );
    expect(problems).toEqual([]);
    expect(definition?.tasks[0]?.id).toBe("hasOwnProperty");
  });
});

describe("tasks", () => {
  test.each([
    ["", "MISSING_KEY"],
    ["tasks: x", "INVALID_TYPE"],
    ["tasks: []", "NO_TASKS"],
    ["tasks: {}", "NO_TASKS"],
    ["tasks: [x]", "INVALID_TYPE"],
  ])("%s", (line, code) => {
    expect(codesOf(`id: x\n${line}\n`)).toEqual([code]);
  });

  test("are at most 10,000", () => {
    const task = "[a],";
    expect(codesOf(`id: x\ntasks: [${task.repeat(10_001)}]\n`)).toEqual(["TOO_MANY_TASKS"]);
  });

  test("need a known kind of work with its fields", () => {
    const task = "{id: a, type: bsh, operator: {}}, {id: b, type: bash, operator: {bash_comand: ls}}, {id: c}";
    expect(problemsOf(`id: x\ntasks: [${task}]\n`)).toEqual([
      "2:23 UNKNOWN_OPERATOR there is no kind of work `bsh` (did you mean `bash`?)",
      "2:73 MISSING_KEY `bash_command` is required",
      "2:74 UNKNOWN_KEY the key `bash_comand` is not known (did you mean `bash_command`?)",
      "2:93 MISSING_KEY `type` is required",
      "2:93 MISSING_KEY `operator` is required",
    ]);
  });

  test("a field that is an expression is checked when it is rendered, others now", () => {
    const task = (count: string): string =>
      `id: x\nparameters: {n: 1}\ntasks: [{id: a, type: bash, operator: {bash_command: ls, count: ${count}}}]\n`;
    expect(codesOf(task('"{{ params.n }}"'))).toEqual([]);
    expect(codesOf(task('"3"'))).toEqual(["INVALID_TYPE"]);
  });

  test("a relative command without a working directory is a warning", () => {
    const text = (more: string): string =>
      `id: x\ntasks: [{id: a, type: bash, operator: {bash_command: ./run.sh${more}}}]\n`;
    expect(parse(text("")).problems).toMatchObject([{ code: "RELATIVE_PATH", warning: true }]);
    expect(parse(text("")).definition).not.toBeNull();
    expect(parse(text(", working_directory: .")).problems).toEqual([]);
  });
});

describe("all problems at once", () => {
  test("sorted by place, with the graph checked whatever else is wrong", () => {
    const text = [
      "id: bad",
      "schedul: daily",
      "tasks:",
      "  - id: a",
      "    dependencies: [c]",
      "  - id: b",
      "    dependencies: [a, unheard]",
      "  - id: c",
      "    type: bash",
      "    dependencies: [b]",
      "    operator: {bash_command: 'echo {{ outputs.b.k | uper }}'}",
    ].join("\n");
    expect(problemsOf(text)).toEqual([
      "2:1 UNKNOWN_KEY the key `schedul` is not known (did you mean `schedule`?)",
      "4:5 MISSING_KEY `type` is required",
      "4:5 MISSING_KEY `operator` is required",
      "5:20 CYCLE tasks wait for each other: a → b → c → a (remove one of these dependencies)",
      "6:5 MISSING_KEY `type` is required",
      "6:5 MISSING_KEY `operator` is required",
      "7:23 UNKNOWN_TASK there is no task `unheard`",
      "11:53 UNKNOWN_FILTER the filter `uper` is not known (did you mean `upper`?)",
    ]);
  });

  test("at most a thousand, and then how many more", () => {
    const { problems } = parse(`id: x\ntasks: [${"{id: a},".repeat(1000)}]\n`);
    expect(problems).toHaveLength(1001);
    expect(problems.at(-1)).toMatchObject({ code: "TOO_MANY_PROBLEMS" });
  });
});
