import { expect, test } from "vitest";
import { buildPlan, type TaskSpec } from "#testing/plan-builder.ts";
import { functionCapability } from "./function-capability.ts";
import { isPlaced, isPreferredOn, mayRunOn, type WorkerTraits } from "./placement.ts";
import type { PlanTask } from "./plan.ts";
import { noResources } from "./resource-amounts.ts";

const plain: WorkerTraits = { labels: {}, operators: [], capabilities: [] };

function taskOf(asked: Omit<TaskSpec, "id">): PlanTask {
  const [task] = buildPlan([{ id: "t", ...asked }]).tasks;
  if (task === undefined) throw new Error("the plan has its task");
  return task;
}

const required = (labels: Record<string, string>) => ({ labels: { required: labels, preferred: {} } });

test.each<[asked: Omit<TaskSpec, "id">, worker: Partial<WorkerTraits>, expected: boolean]>([
  [{}, {}, true],
  [{ operatorType: "bash" }, { operators: ["bash"] }, true],
  [{ operatorType: "bash" }, { operators: ["sql"] }, false],
  [required({ gpu: "true" }), {}, false],
  [required({ gpu: "true" }), { labels: { gpu: "false" } }, false],
  [required({ gpu: "true" }), { labels: { gpu: "true", zone: "a" } }, true],
  [{ capabilities: ["container"] }, {}, false],
  [{ capabilities: ["container"] }, { operators: ["container"] }, false],
  [{ operatorType: "container" }, { operators: ["bash"], capabilities: ["container"] }, false],
  [{ capabilities: ["container"] }, { capabilities: ["network:none", "container"] }, true],
  [{ capabilities: ["container", "network:none"] }, { capabilities: ["container"] }, false],
])("a task that asks for %j may run on %j: %s", (asked, worker, expected) => {
  expect(mayRunOn(taskOf(asked), { ...plain, ...worker })).toBe(expected);
});

test.each<[asked: Omit<TaskSpec, "id">, expected: boolean]>([
  [{}, false],
  [{ labels: { required: {}, preferred: { gpu: "true" } } }, false],
  [required({ gpu: "true" }), true],
  [{ capabilities: ["container"] }, true],
  [{ requests: { ...noResources, gpus: 1 } }, true],
  [{ operatorType: functionCapability("send") }, true],
])("a task that asks for %j is placed: %s", (asked, expected) => {
  expect(isPlaced(taskOf(asked))).toBe(expected);
});

test("a worker is preferred that has all the labels a task would like", () => {
  const task = taskOf({ labels: { required: {}, preferred: { gpu: "true", zone: "a" } } });
  expect(isPreferredOn(task, { ...plain, labels: { gpu: "true" } })).toBe(false);
  expect(isPreferredOn(task, { ...plain, labels: { gpu: "true", zone: "a" } })).toBe(true);
});
