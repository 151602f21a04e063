import { expect, test } from "vitest";
import { z } from "zod";
import { parentEdges } from "#core/graph.ts";
import { parseDefinition } from "./parse-definition.ts";
import { planOf } from "./plan-of.ts";

const operators = new Map([["noop", { fields: z.strictObject({}), code: {}, description: "" }]]);

test("a plan has the tasks in their order, with edges by place", () => {
  const text = [
    "id: x",
    "executor: stream",
    "run_timeout: 1h",
    "priority: 5",
    "tasks:",
    "  - {id: b, type: noop, operator: {}, dependencies: [{task: a, on: failure}], trigger_rule: all_done, executor: local}",
    "  - {id: a, type: noop, operator: {}, when: 'true', queue: fast, timeout: 5s, priority: 3}",
  ].join("\n");
  const { definition } = parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 60_000 });
  if (definition === null) throw new Error("it is no good definition");

  const plan = planOf(definition);

  expect(plan).toMatchObject({ runTimeoutMs: 3_600_000, priority: 5 });
  expect(plan.tasks).toMatchObject([
    { id: "b", operatorType: "noop", triggerRule: "all_done", evaluated: false, backend: "local", timeoutMs: 60_000 },
    { id: "a", evaluated: true, backend: "stream", queue: "fast", timeoutMs: 5000, priority: 3 },
  ]);
  expect([...parentEdges(plan.graph, 0)]).toEqual([{ task: 1, on: "failure" }]);
  expect([...parentEdges(plan.graph, 1)]).toEqual([]);
});

const functions = new Map([
  [
    "function",
    { fields: z.strictObject({ handler: z.string().regex(/^\w+$/) }), code: {}, literal: ["handler"], description: "" },
  ],
]);

test("a function is placed by its handler, which is no expression", () => {
  const parse = (handler: string) =>
    parseDefinition(`id: x\ntasks:\n  - {id: a, type: function, operator: {handler: "${handler}"}}\n`, {
      file: "x",
      operators: functions,
      maxTaskTimeoutMs: 60_000,
    });

  const { definition } = parse("send");
  if (definition === null) throw new Error("it is no good definition");
  expect(planOf(definition).tasks[0]?.operatorType).toBe("function:send");
  expect(parse("{{ params.x }}").definition).toBeNull();
});
