import { describe, expect, test } from "vitest";
import { compileExpression } from "./expression.ts";

/** Issues as `offset CODE message (hint)`. */
function issuesOf(body: string): string[] {
  return compileExpression(body).issues.map(
    ({ offset, code, message, hint }) =>
      `${offset} ${code} ${message}${hint === undefined || hint === "" ? "" : ` (${hint})`}`,
  );
}

describe("what is wrong with an expression, and where", () => {
  test.each([
    ["", ["0 EXPRESSION_SYNTAX the expression is empty"]],
    ["params.x +", ["9 EXPRESSION_SYNTAX unexpected `+` in the expression (something is missing after it)"]],
    [
      "params.x and params.y",
      ["9 EXPRESSION_SYNTAX unexpected `and` in the expression (CEL writes && for and, || for or, ! for not)"],
    ],
    ["params.x = 1", ["9 EXPRESSION_SYNTAX unexpected `=` in the expression (write == to compare)"]],
    ["'a", ["0 EXPRESSION_SYNTAX unexpected `'` in the expression (a quote is not closed)"]],
    [".Names", ["0 EXPRESSION_SYNTAX a name has no leading dot (remove the dot; to write {{ as text use {{ '{{' }})"]],
    ["outputs.my-task.key", ['0 EXPRESSION_SYNTAX a hyphen is a subtraction here (write outputs["my-task"].key)']],
    [
      "foo",
      [
        "0 UNKNOWN_NAME the name `foo` is not known (expressions know params, outputs, run, task_instance and execution_date; text stands in quotes)",
      ],
    ],
    ["parms.x", ["0 UNKNOWN_NAME the name `parms` is not known (did you mean `params`?)"]],
    ["1 + exection_date.x", ["4 UNKNOWN_NAME the name `exection_date` is not known (did you mean `execution_date`?)"]],
    ["True", ["0 UNKNOWN_NAME the name `True` is not known (did you mean `true`?)"]],
    ["run.dag_ids", ["0 UNKNOWN_NAME `run` has no `dag_ids` (did you mean `run.dag_id`?)"]],
    ["outputs.a", ['0 UNKNOWN_NAME `outputs.a` needs a key (write outputs.a.key, or outputs["task"].key)']],
    [
      "outputs[params.t].k",
      [
        '0 UNKNOWN_NAME `outputs` needs a task and a key, as text that stands in the expression (write outputs.task.key, or outputs["task"].key)',
      ],
    ],
    [
      "env.HOME",
      [
        "0 NOT_SUPPORTED the name `env` in expressions is not supported by this version of Millrace yet (remove it; it would have no effect)",
      ],
    ],
    ["params.x | uper", ["11 UNKNOWN_FILTER the filter `uper` is not known (did you mean `upper`?)"]],
    ["params.x |", ["10 EXPRESSION_SYNTAX a pipe must be followed by the name of a filter (CEL writes || for or)"]],
    ["params.x | default", ["11 WRONG_ARGUMENTS the filter `default` takes 1 argument, not 0"]],
    ["params.x | upper('a')", ["11 WRONG_ARGUMENTS the filter `upper` takes no arguments, not 1"]],
    [
      "params.x | default(foo)",
      [
        "19 UNKNOWN_NAME the name `foo` is not known (expressions know params, outputs, run, task_instance and execution_date; text stands in quotes)",
      ],
    ],
    ["params.x | raw | upper", ["0 EXPRESSION_SYNTAX `raw` must be the last filter"]],
    [
      "params.x.upper()",
      ["8 UNKNOWN_FUNCTION the function `upper` is not known (filters follow a pipe: value | upper)"],
    ],
    ["siz(params.x)", ["0 UNKNOWN_FUNCTION the function `siz` is not known (did you mean `size`?)"]],
    ["size(1, 2)", ["0 WRONG_ARGUMENTS the function `size` does not take 2 arguments here"]],
    ["has(params)", ["0 WRONG_ARGUMENTS `has` can't be used like this (write has(params.name))"]],
    [
      "xcom_pull('a')",
      ["0 WRONG_ARGUMENTS `xcom_pull` takes a task and a key, both as text in quotes (write xcom_pull('task', 'key'))"],
    ],
    [
      "xcom_pull(params.t, 'k')",
      ["0 WRONG_ARGUMENTS `xcom_pull` takes a task and a key, both as text in quotes (write xcom_pull('task', 'key'))"],
    ],
    ["params.in + 1", ["7 EXPRESSION_SYNTAX unexpected `in` in the expression"]],
  ])("%s", (body, issues) => {
    expect(issuesOf(body)).toEqual(issues);
  });

  test("an expression that is too long or nested too deeply is refused", () => {
    expect(issuesOf("1+".repeat(6000))).toEqual([
      "0 EXPRESSION_SYNTAX the expression has 12000 characters; the limit is 10000",
    ]);
    expect(issuesOf(`${"(".repeat(4900)}1${")".repeat(4900)}`)).toEqual([
      "0 EXPRESSION_SYNTAX the expression is nested too deeply",
    ]);
  });
});

describe("what an expression reads", () => {
  test("parameters and outputs, with their places, also in arguments of filters", () => {
    const { names } = compileExpression("params.a + outputs.t.k | default(params['b'])");
    expect(names.flatMap((each) => each.parameters)).toEqual([
      { name: "a", offset: 0 },
      { name: "b", offset: 33 },
    ]);
    expect(names.flatMap((each) => each.outputs)).toEqual([{ task: "t", key: "k", offset: 11 }]);
  });

  test("names of a macro's own variables are none", () => {
    const { names, issues } = compileExpression("params.list.map(params2, params2 + params.x)");
    expect(issues).toEqual([]);
    expect(names.flatMap((each) => each.parameters.map(({ name }) => name))).toEqual(["list", "x"]);
  });

  test("whether it needs all parameters", () => {
    expect(compileExpression("params[params.key]").names[0]?.readsAllParameters).toBe(true);
    expect(compileExpression("params.key").names[0]?.readsAllParameters).toBe(false);
  });
});
