import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDefinition } from "../parse-definition.ts";

const operators: OperatorSchemas = new Map([
  [
    "bash",
    {
      fields: z.strictObject({ bash_command: z.string(), shell: z.string().optional() }),
      code: { bash_command: "shell" as const },
      description: "",
    },
  ],
  ["noop", { fields: z.strictObject({}), code: {}, description: "" }],
]);

function problemsOf(lines: readonly string[]): string[] {
  const text = ["id: x", ...lines].join("\n");
  const { problems } = parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
  return problems.map(
    ({ line, column, code, message, hint, warning }) =>
      `${line}:${column} ${warning ? "warning " : ""}${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

/** A definition in which `last` comes after `middle` and `first`, and `other` stands apart. */
function withLast(
  lines: readonly string[],
  parameters = "{n: {type: integer}, text: {type: string}, any: 1}",
): string[] {
  return problemsOf([
    `parameters: ${parameters}`,
    "tasks:",
    "  first: {type: noop, operator: {}}",
    "  middle: {type: noop, operator: {}, dependencies: [first]}",
    "  other: {type: noop, operator: {}}",
    "  last:",
    "    type: noop",
    "    operator: {}",
    "    dependencies: [middle]",
    ...lines.map((line) => `    ${line}`),
  ]);
}

describe("outputs", () => {
  test("of any task above can be read", () => {
    expect(withLast(['environment: {A: "{{ outputs.first.k }} {{ outputs.middle.k }}"}'])).toEqual([]);
  });

  test("of other tasks, unknown ones, and the task itself can't", () => {
    expect(withLast(['environment: {A: "{{ outputs.other.k }} {{ outputs.frist.k }} {{ outputs.last.k }}"}'])).toEqual([
      "11:26 NOT_AN_ANCESTOR `last` reads an output of `other`, which need not have run before it (add `other` to its dependencies)",
      "11:48 UNKNOWN_TASK there is no task `frist` (did you mean `first`?)",
      "11:70 SELF_REFERENCE the task `last` reads its own output",
    ]);
  });

  test("can't be read in the defaults of all tasks", () => {
    expect(
      problemsOf([
        'default_task_config: {environment: {A: "{{ outputs.a.k }}"}}',
        "tasks: {a: {type: noop, operator: {}}}",
      ]),
    ).toEqual(["2:44 UNKNOWN_NAME `outputs` can't be read in `default_task_config`"]);
  });

  test("in a cycle are left alone: the cycle is the fault", () => {
    const found = problemsOf([
      "tasks:",
      "  a: {type: noop, operator: {}, dependencies: [b]}",
      '  b: {type: noop, operator: {}, dependencies: [a], environment: {A: "{{ outputs.c.k }}"}}',
      "  c: {type: noop, operator: {}}",
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain("CYCLE");
  });
});

describe("parameters", () => {
  test("that are not declared are a warning, with the closest name", () => {
    expect(withLast(['environment: {A: "{{ params.txt }}"}'])).toEqual([
      "11:26 warning UNDECLARED_PARAMETER the parameter `txt` is not declared (did you mean `params.text`?)",
    ]);
  });

  test("of the task and of the defaults are declared", () => {
    const lines = [
      "default_task_config: {parameters: {a: 1}}",
      "tasks:",
      '  t: {type: noop, operator: {}, parameters: {b: 1}, environment: {A: "{{ params.a }}{{ params.b }}"}}',
    ];
    expect(problemsOf(lines)).toEqual([]);
  });

  test("of a task must fit the definition's schema", () => {
    expect(withLast(["parameters: {n: many, text: ok, any: [x]}"])).toEqual([
      '11:21 INVALID_PARAMETER the value must be a whole number, not the text "many"',
    ]);
  });
});

describe("types, tried with made-up values", () => {
  test.each([
    [
      'environment: {A: "{{ params.n + params.text }}"}',
      "11:26 EXPRESSION_TYPE {{ params.n + params.text }}: found no matching overload for '_+_' applied to '(int, string)'",
    ],
    [
      'environment: {A: "{{ execution_date + 1 }}"}',
      "11:26 EXPRESSION_TYPE {{ execution_date + 1 }}: found no matching overload for '_+_' applied to '(google.protobuf.Timestamp, int)'",
    ],
    ['environment: {A: "{{ params.n | join }}"}', "11:26 EXPRESSION_TYPE {{ params.n | join }}: `join` needs a list"],
    ["when: params.n", "11:11 EXPRESSION_TYPE the condition gives 1, not true or false"],
    ["when: params.n && true", "11:11 EXPRESSION_TYPE {{ params.n && true }}: type mismatch: expected bool, got int"],
  ])("%s", (line, problem) => {
    expect(withLast([line])).toEqual([problem]);
  });

  test.each([
    'environment: {A: "{{ params.text | ds }}"}',
    'environment: {A: "{{ params.any + params.text }}"}',
    "when: outputs.first.rows > params.n",
    "when: params.any",
  ])("%s may be right", (line) => {
    expect(withLast([line])).toEqual([]);
  });
});

describe("where things can be read", () => {
  test("a condition is decided before there is a worker", () => {
    expect(withLast(["when: temp_dir == ''"])).toEqual([
      "11:11 UNKNOWN_NAME `temp_dir` can't be read before the task has a worker",
    ]);
  });

  test("a condition is one expression, with or without braces", () => {
    expect(withLast(['when: "{{ params.n }} == {{ params.n }}"'])).toHaveLength(1);
    expect(withLast(['when: "{{ params.n == 1 }}"'])).toEqual([]);
    expect(withLast(['when: "  {{ parms.n == 1 }}"'])).toEqual([
      "11:17 UNKNOWN_NAME the name `parms` is not known (did you mean `params`?)",
    ]);
  });
});

describe("places in the file", () => {
  test.each([
    ["a plain text", ["environment: {A: a {{ nope }}}"], "YAML_SYNTAX"],
    ["double quotes", ['environment: {A: "a\\"b {{ nope }}"}'], "11:31 UNKNOWN_NAME"],
    ["single quotes", ["environment: {A: 'it''s {{ nope }}'}"], "11:32 UNKNOWN_NAME"],
    ["a literal block", ["environment:", "  A: |", "    one", "      two {{ nope }}"], "14:18 UNKNOWN_NAME"],
    [
      "a folded block",
      ["environment:", "  A: >-", "    one", "    two {{ 1 }} {{", "    nope }}"],
      "15:9 UNKNOWN_NAME",
    ],
    ["folded quotes", ["environment:", '  A: "one', "    two {{ 1 }} {{ [1,", '    nope] }}"'], "14:9 UNKNOWN_NAME"],
    ["plain lines", ["environment:", "  A: one", "    two {{ nope }}"], "13:16 UNKNOWN_NAME"],
    ["the second of one line", ["environment: {A: '{{ 1 }} {{ nope }}'}"], "11:34 UNKNOWN_NAME"],
    ["a bare condition", ["when: 1 == nope"], "11:16 UNKNOWN_NAME"],
  ])("%s", (_, lines, expected) => {
    const [first] = withLast(lines);
    expect(first).toContain(expected);
  });

  test("an alias leads to where the text is written", () => {
    const found = problemsOf([
      "tasks:",
      "  a: &a {type: noop, operator: {}, environment: {A: '{{ nope }}'}}",
      "  b: *a",
    ]);
    expect(found).toEqual([expect.stringMatching(/^3:57 UNKNOWN_NAME/)]);
  });
});

describe("code", () => {
  const command = (code: string): string[] =>
    problemsOf([
      "tasks:",
      "  a:",
      "    type: bash",
      "    operator:",
      "      bash_command: |",
      ...code.split("\n").map((line) => `        ${line}`),
    ]);

  test("an expression in an unsafe place is refused with the way out", () => {
    expect(command("echo ok\necho $(( {{ run.dag_id }} ))")).toEqual([
      "8:18 UNSAFE_PLACE an expression can't stand here: arithmetic reads a value as code (give the value to the process through `environment` and use the variable here)",
    ]);
  });

  test("`raw` is a warning, wherever it stands", () => {
    expect(command("eval {{ run.dag_id | raw }}")).toEqual([
      "7:14 warning RAW_EXPRESSION {{ run.dag_id | raw }} puts a value into the code as it is (make sure that nobody can choose the value)",
    ]);
  });

  test("comments are not looked at", () => {
    expect(command("# {{ nope }} {{\necho")).toEqual([]);
  });

  test("braces as text are written as an expression", () => {
    expect(command("docker ps --format {{ '{{.Names}}' }}")).toEqual([]);
    expect(command("docker ps --format {{.Names}}")).toEqual([
      "7:30 EXPRESSION_SYNTAX a name has no leading dot (remove the dot; to write {{ as text use {{ '{{' }})",
    ]);
  });

  test("code of an unknown kind of work is checked as text", () => {
    expect(problemsOf(["tasks: {a: {type: bsh, operator: {bash_command: '{{ nope }}'}}}"])).toHaveLength(2);
  });

  test("of a shell with other rules holds no expressions", () => {
    const shell = (name: string): string[] =>
      problemsOf([`tasks: {a: {type: bash, operator: {shell: ${name}, bash_command: "echo {{ run.dag_id }}"}}}`]);
    expect(shell("/bin/dash")).toEqual([]);
    expect(shell("zsh")).toEqual([
      "2:68 UNSAFE_PLACE an expression can't stand here: expressions are understood in code of bash, sh and dash only (give the value to the process through `environment` and use the variable here)",
    ]);
  });
});
