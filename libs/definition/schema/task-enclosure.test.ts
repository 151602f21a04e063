import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDefinition } from "../parse-definition.ts";
import { planOf } from "../plan-of.ts";
import { requiredCapabilities } from "./task-enclosure.ts";

const network = z.enum(["none", "outbound", "full"]).optional();
const text = z.string().optional();
const operatorSchemas: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  [
    "bash",
    {
      fields: z.strictObject({ bash_command: text, network }),
      code: {},
      description: "",
      encloses: "process",
      literal: ["network"],
    },
  ],
  [
    "python",
    {
      fields: z.strictObject({ python_code: text, virtualenv: text, requirements: z.array(z.string()).optional() }),
      code: {},
      description: "",
      encloses: "process",
    },
  ],
  [
    "container",
    { fields: z.strictObject({ image: z.string(), network }), code: {}, description: "", encloses: "container" },
  ],
]);

const bash = 'type: bash, operator: {bash_command: "true"}';

function parse(task: string, defaults = "{}") {
  const text = `id: x\ndefault_task_config: ${defaults}\ntasks:\n  - {id: a, ${task}}\n`;
  return parseDefinition(text, { file: "dag.yaml", operators: operatorSchemas, maxTaskTimeoutMs: 3_600_000 });
}

const enclosureOf = (task: string, defaults?: string) => parse(task, defaults).definition?.tasks[0]?.enclosure;
const problemsOf = (task: string, defaults?: string) =>
  parse(task, defaults).problems.map(({ line, code, message, hint }) => `${line} ${code} ${message} (${hint})`);

describe("the enclosure of a task", () => {
  const open = { isolation: "process", image: null, network: "full", filesystem: "open", allowPaths: [] };
  const inContainer = { ...open, isolation: "container", image: "alpine:3", network: "none" };

  test.each([
    ["network: none", "{}", { ...open, network: "none" }],
    ["network: outbound", "{network: none}", { ...open, network: "outbound" }],
    ["description: x", "{filesystem: confined}", { ...open, filesystem: "confined" }],
    ["filesystem: confined, allow_paths: [/srv/a]", "{}", { ...open, filesystem: "confined", allowPaths: ["/srv/a"] }],
    ["filesystem: open", "{filesystem: confined, network: none, allow_paths: [/srv]}", { ...open, network: "none" }],
    ["isolation: container, image: 'alpine:3'", "{}", inContainer],
    ["isolation: container", "{image: 'alpine:3', filesystem: confined}", inContainer],
    ["isolation: container, network: outbound", "{image: 'alpine:3'}", { ...inContainer, network: "outbound" }],
    [
      "isolation: process, filesystem: confined",
      "{isolation: container, image: 'alpine:3'}",
      { ...open, filesystem: "confined" },
    ],
  ])("%s with defaults %s", (own, defaults, enclosure) => {
    expect(enclosureOf(`${bash}, ${own}`, defaults)).toEqual(enclosure);
  });

  test.each([
    ["", "{}"],
    ["isolation: process, network: full, filesystem: open", "{}"],
    ["network: full", "{network: none}"],
  ])("is absent where nothing is asked (%s)", (own, defaults) => {
    expect(parse(`${bash}, ${own}`, defaults).definition?.tasks[0]).not.toHaveProperty("enclosure");
  });

  test("has the operator's network before the task's", () => {
    const task = 'type: bash, operator: {bash_command: "true", network: outbound}, network: none';
    expect(enclosureOf(task)?.network).toBe("outbound");
  });

  test("of the kind `container` is one, whose image is its operator's", () => {
    const task = "type: container, operator: {image: \"{{ 'a' }}:1\", network: full}";
    expect(enclosureOf(task)).toEqual({ ...inContainer, image: null, network: "full" });
  });

  test("comes from defaults only for work that starts processes", () => {
    expect(enclosureOf("type: noop, operator: {}", "{isolation: container, image: 'alpine:3'}")).toBeUndefined();
    expect(problemsOf("type: noop, operator: {}", "{isolation: container, image: 'alpine:3'}")).toEqual([]);
  });

  test("is what its plan asks of a worker", () => {
    const { definition } = parse(`${bash}, network: none, filesystem: confined`);
    const plan = definition === null ? null : planOf(definition);
    expect(plan?.tasks[0]?.capabilities).toEqual(["network:none", "filesystem:confined"]);
    const open = parse(bash).definition;
    expect(open === null ? null : planOf(open).tasks[0]).not.toHaveProperty("capabilities");
  });

  test("asks a worker for a container alone, whatever its network", () => {
    const [task] = parse(`${bash}, isolation: container, image: a, network: outbound`).definition?.tasks ?? [];
    expect(task === undefined ? [] : requiredCapabilities(task)).toEqual(["container"]);
  });
});

describe("what has no effect, or can't be had, is refused", () => {
  test.each([
    [`${bash}, isolation: container`, "4 MISSING_KEY `isolation: container` needs `image`"],
    [`${bash}, image: alpine`, "4 INVALID_KEY `image` has no effect without `isolation: container`"],
    [`${bash}, allow_paths: [/srv]`, "4 INVALID_KEY `allow_paths` has no effect without `filesystem: confined`"],
    [
      `${bash}, isolation: container, image: a, filesystem: confined`,
      "4 INVALID_KEY `filesystem` has no effect in a container",
    ],
    ["type: noop, operator: {}, network: none", "4 INVALID_KEY `network` has no effect on the kind of work `noop`"],
    ["type: container, operator: {image: a}, image: b", "4 INVALID_KEY `image` has no effect on a `container`"],
    ["type: container, operator: {}", "4 MISSING_KEY `image` is required"],
    [`${bash}, isolation: vm`, "4 INVALID_VALUE `isolation` must be one of process, container"],
    [`${bash}, network: lan`, "4 INVALID_VALUE `network` must be one of none, outbound, full"],
    [
      'type: bash, operator: {bash_command: "true", network: "{{ 1 }}"}',
      "4 INVALID_VALUE `network` must be one of none",
    ],
    [`${bash}, isolation: container, image: "-v"`, "4 INVALID_VALUE `image` must be the name of an image"],
    [
      `${bash}, isolation: container, image: "{{ params.image }}"`,
      "4 INVALID_VALUE `image` must be the name of an image",
    ],
    [`${bash}, filesystem: confined, allow_paths: [srv]`, "4 INVALID_VALUE `allow_paths[0]` must be an absolute path"],
    [
      `${bash}, filesystem: confined, allow_paths: [/srv/../etc]`,
      "4 INVALID_VALUE `allow_paths[0]` must be an absolute path",
    ],
    ...["/", "//", "/proc", "/./sys/kernel", "/dev/shm", "/run/docker.sock", "/var/run"].map((path) => [
      `${bash}, filesystem: confined, allow_paths: [${path}]`,
      "4 INVALID_VALUE `allow_paths[0]` must be an absolute path without `..` and expressions, not `/`, and not within",
    ]),
    [
      "type: python, operator: {python_code: pass, requirements: [a]}, network: none",
      "4 INVALID_VALUE the worker makes a virtualenv for `requirements`, and without a network",
    ],
    [
      "type: python, operator: {python_code: pass, requirements: [a]}, filesystem: confined",
      "4 INVALID_VALUE the worker makes a virtualenv for `requirements`, and a confined process may not write it",
    ],
    [
      "type: python, operator: {python_code: pass, virtualenv: v}, isolation: container, image: a",
      "4 INVALID_VALUE `virtualenv` is of the host",
    ],
  ])("%s", (task, problem) => {
    expect(problemsOf(task)).toEqual([expect.stringContaining(problem)]);
  });
});
