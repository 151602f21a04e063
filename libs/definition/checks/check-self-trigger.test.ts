import { expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDefinition } from "../parse-definition.ts";

const fields = z.strictObject({ dag_id: z.string(), wait: z.boolean().optional() });
const operators: OperatorSchemas = new Map([
  ["trigger_dag", { fields, code: {}, description: "triggers", runsIn: "executor" as const }],
]);
const options = { file: "dag.yaml", operators, maxTaskTimeoutMs: 86_400_000 };

function problemsOf(keys: string, fields: string): readonly string[] {
  const text = `id: again\n${keys}tasks:\n  - {id: a, type: trigger_dag, operator: {${fields}}}\n`;
  return parseDefinition(text, options).problems.map(({ code, warning }) => `${code}${warning ? " warning" : ""}`);
}

test.each([
  ["", "dag_id: again", ["SELF_TRIGGER warning"]],
  ["max_active_runs: 20\n", "dag_id: again, wait: true", ["SELF_TRIGGER warning"]],
  ["max_active_runs: 1\n", "dag_id: again", ["SELF_TRIGGER"]],
  ["max_active_runs: 1\n", "dag_id: again, wait: false", []],
  ["max_active_runs: 21\n", "dag_id: again", []],
  ["max_active_runs: 1\n", "dag_id: other", []],
])("a definition with %j that triggers {%s} has the problems %j", (keys, fields, problems) => {
  expect(problemsOf(keys, fields)).toEqual(problems);
});
