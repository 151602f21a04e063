import { describe, expect, test } from "vitest";
import type { TriggerRule } from "#core/trigger-rule.ts";
import { checkGraph } from "./check-graph.ts";
import { checkTriggerRules } from "./check-trigger-rules.ts";
import type { Json, JsonObject } from "../model.ts";
import { readTasks } from "../outline.ts";
import type { Finding, Path } from "../problem-list.ts";

/** Findings on the tasks as `path: message (hint)`. */
function check(tasks: Json, more: JsonObject = {}): string[] {
  const found: string[] = [];
  const root = { ...more, tasks };
  const report = (path: Path, { message, hint }: Finding): void => {
    found.push(`${path.join(".")}: ${message}${hint === undefined || hint === "" ? "" : ` (${hint})`}`);
  };
  const outline = readTasks(root, report);
  const graph = checkGraph(outline, report);
  checkTriggerRules(root, outline, graph, report);
  return found;
}

describe("edges", () => {
  test("to unknown tasks are named with the closest one; case matters", () => {
    expect(check({ extract: {}, load: { dependencies: ["Extract", "exract", "else"] } })).toEqual([
      "tasks.load.dependencies.0: there is no task `Extract` (did you mean `extract`?)",
      "tasks.load.dependencies.1: there is no task `exract` (did you mean `extract`?)",
      "tasks.load.dependencies.2: there is no task `else`",
    ]);
  });

  test("to the task itself are refused", () => {
    expect(check({ a: { dependencies: ["a"] }, b: { downstream: [{ task: "b" }] } })).toEqual([
      "tasks.a.dependencies.0: the task `a` depends on itself",
      "tasks.b.downstream.0.task: the task `b` depends on itself",
    ]);
  });

  test("may be declared once from each end", () => {
    expect(check({ a: { downstream: ["b"] }, b: { dependencies: ["a"] } })).toEqual([]);
  });

  test("declared twice from one end, or differently from both, are refused", () => {
    expect(
      check({
        a: { downstream: [{ task: "c", on: "failure" }] },
        b: { dependencies: ["a", { task: "a", on: "failure" }] },
        c: { dependencies: ["a"] },
      }),
    ).toEqual([
      "tasks.b.dependencies.1.task: the edge a → b is declared twice (remove one of the two)",
      "tasks.a.downstream.0.task: the edge a → c is declared `on: success` by the one end and `on: failure` by the other (declare it once)",
    ]);
  });
});

describe("cycles", () => {
  test("are shown with their path, each of them", () => {
    const found = check({
      a: { dependencies: ["c"] },
      b: { dependencies: ["a"] },
      c: { dependencies: ["b"] },
      d: { dependencies: ["e"] },
      e: { downstream: [], dependencies: ["d"] },
      f: { dependencies: ["e"] },
    });
    expect(found).toEqual([
      "tasks.a.dependencies.0: tasks wait for each other: a → b → c → a (remove one of these dependencies)",
      "tasks.d.dependencies.0: tasks wait for each other: d → e → d (remove one of these dependencies)",
    ]);
  });

  test("separate parts and isolated tasks are none", () => {
    expect(check({ a: {}, b: {}, c: { dependencies: ["b"] } })).toEqual([]);
  });
});

describe("trigger rules", () => {
  const task = (rule: TriggerRule, dependencies: Json): JsonObject => ({ trigger_rule: rule, dependencies });

  test.each(["one_success", "one_failed", "none_failed_min_one_success"] as const)("%s needs a parent", (rule) => {
    expect(check({ a: { trigger_rule: rule } })).toEqual([
      `tasks.a.trigger_rule: \`trigger_rule: ${rule}\` needs a task before this one (add \`dependencies\`, or remove the rule)`,
    ]);
    expect(check({ a: {} }, { default_task_config: { trigger_rule: rule } })).toHaveLength(1);
    expect(check({ a: { dependencies: ["x"], trigger_rule: rule } })).toHaveLength(1);
  });

  test.each([
    ["all_failed", [{ task: "a", on: "completion" }, "b"], false],
    ["all_failed", ["a", "b"], true],
    [
      "one_failed",
      [
        { task: "a", on: "completion" },
        { task: "b", on: "failure" },
      ],
      false,
    ],
    ["one_failed", [{ task: "a", on: "completion" }, "b"], true],
    ["all_skipped", [{ task: "a", on: "completion" }], false],
    ["all_skipped", [{ task: "a", on: "failure" }], true],
    ["all_success", [{ task: "a", on: "failure" }], true],
    ["one_success", [{ task: "a", on: "failure" }], true],
    ["none_skipped", [{ task: "a", on: "failure" }], true],
  ] as const)("%s with %j can hold: %s", (rule, dependencies, canHold) => {
    const found = check({ a: {}, b: {}, c: task(rule, dependencies) });
    expect(found).toHaveLength(canHold ? 0 : 1);
    if (!canHold) expect(found[0]).toContain("can never hold");
  });
});
