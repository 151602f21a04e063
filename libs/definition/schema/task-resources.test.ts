import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { limitsSchema } from "#resources/resources-schema.ts";
import { parseDefinition } from "../parse-definition.ts";
import { planOf } from "../plan-of.ts";

const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  [
    "shell",
    {
      fields: z.strictObject({ resources: limitsSchema.optional() }),
      code: {},
      description: "a process",
      encloses: "process",
      literal: ["resources"],
    },
  ],
  ["plugin", { fields: z.strictObject({ resources: z.string() }), code: {}, description: "words of its own" }],
]);

const parse = (resources: string, defaults = "{}", work = "type: noop, operator: {}") =>
  parseDefinition(`id: x\ndefault_task_config: ${defaults}\ntasks:\n  - {id: a, ${work}${resources}}\n`, {
    file: "dag.yaml",
    operators,
    maxTaskTimeoutMs: 3_600_000,
  });
const problemsOf = (resources: string) =>
  parse(resources).problems.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);

describe("resources of a task", () => {
  test("are bytes and processors in the normal form; what is not named is not limited", () => {
    const { definition } = parse(", resources: {cpu: 0.5, memory: 512Mi}");
    expect(definition?.tasks[0]?.resources).toEqual({ cpus: 0.5, memoryBytes: 512 * 2 ** 20, diskBytes: null });
  });

  test("are merged key by key with the defaults", () => {
    const { definition } = parse(", resources: {memory: 1Gi}", "{resources: {memory: 512Mi, disk: 2G}}");
    expect(definition?.tasks[0]?.resources).toEqual({ cpus: null, memoryBytes: 2 ** 30, diskBytes: 2e9 });
  });

  test("of an operator that runs processes win over the task's, key by key", () => {
    const work = "type: shell, operator: {resources: {cpu: 2, memory: 2Gi}}";
    const task = parse(", resources: {memory: 1Gi, gpus: 1}", "{resources: {disk: 2G}}", work);
    const [resources, plan] = [task.definition?.tasks[0]?.resources, task.definition && planOf(task.definition)];
    expect(resources).toEqual({ cpus: 2, memoryBytes: 2 * 2 ** 30, diskBytes: 2e9, gpus: 1 });
    expect(plan?.tasks[0]?.requests).toMatchObject({ milliCpus: 2000, memoryBytes: 2 * 2 ** 30 });
  });

  test("are no business of a field of the same name in another kind of work", () => {
    const { definition } = parse(", resources: {cpu: 1}", "{}", "type: plugin, operator: {resources: mine}");
    expect(definition?.tasks[0]?.resources).toEqual({ cpus: 1, memoryBytes: null, diskBytes: null });
  });

  test.each([
    ["{memory: 512}", "INVALID_VALUE `resources.memory` must be a size"],
    ["{memory: '{{ execution_date }}'}", "INVALID_VALUE `resources.memory` must be a size"],
    ["{cpu: '{{ execution_date }}'}", "INVALID_TYPE `resources.cpu` must be a number"],
    ["{gpus: 1}", "UNKNOWN_KEY the key `gpus` is not known in `resources`"],
  ])("of an operator as %s are refused", (resources, problem) => {
    const { problems } = parse("", "{}", `type: shell, operator: {resources: ${resources}}`);
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([expect.stringContaining(problem)]);
  });

  test("are what an attempt takes of its worker, in whole numbers", () => {
    const { definition } = parse(", resources: {cpu: 0.0125, disk: 1Gi, gpus: 2}");
    expect(definition?.tasks[0]?.resources).toMatchObject({ gpus: 2 });
    const [task] = definition === null ? [] : planOf(definition).tasks;
    expect(task?.requests).toEqual({ milliCpus: 13, memoryBytes: 0, diskBytes: 2 ** 30, gpus: 2 });
  });

  test.each([
    ["", "{}"],
    [", resources: {}", "{}"],
  ])("are absent where nothing is said (%s)", (own, defaults) => {
    expect(parse(own, defaults).definition?.tasks[0]).not.toHaveProperty("resources");
  });

  test.each([
    [
      "{memory: 512}",
      "4:59 INVALID_VALUE `resources.memory` must be a size from 1Mi to 1024Ti, such as 512Mi, 1.5Gi or 2G",
    ],
    [
      "{memory: 1GB}",
      "4:59 INVALID_VALUE `resources.memory` must be a size from 1Mi to 1024Ti, such as 512Mi, 1.5Gi or 2G",
    ],
    ["{gpus: 1.5}", "4:57 INVALID_TYPE `resources.gpus` must be a whole number, not 1.5"],
    ["{ram: 1Gi}", "4:51 UNKNOWN_KEY the key `ram` is not known in `resources`"],
  ])("%s is refused where it stands", (resources, problem) => {
    expect(problemsOf(`, resources: ${resources}`)).toEqual([expect.stringContaining(problem)]);
  });

  test.each(["{cpu: 0}", "{cpu: -1}", "{cpu: two}", "{cpu: 5000}", "{disk: {}}", "3"])("%s is refused", (resources) => {
    expect(problemsOf(`, resources: ${resources}`)).toHaveLength(1);
  });
});
