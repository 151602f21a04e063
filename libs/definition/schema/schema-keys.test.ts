import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../../", import.meta.url);

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly [key: string]: unknown;
}

/**
 * Where each key of a definition is used until it has its effect: in a run, in a schedule's times, in the answer to a
 * trigger. A test that only reads it is none. Keys of operators and sensors are shown by the tests of their folders.
 */
const proofs: Readonly<Record<string, string>> = {
  "dag.additional_parameters": "services/scheduler/scheduler.test.ts",
  "dag.allow_manual_trigger": "services/scheduler/scheduler.test.ts",
  "dag.concurrency": "libs/testing/limits.testsuite.ts",
  "dag.deadline": "libs/core/deadline-event.test.ts",
  "dag.default_task_config": "libs/definition/parse-definition.test.ts",
  "dag.description": "e2e/dev.test.ts",
  "dag.executor": "e2e/backends.test.ts",
  "dag.id": "e2e/dev.test.ts",
  "dag.max_active_runs": "services/executor/waits/waits.test.ts",
  "dag.max_active_tasks": "libs/testing/limits.testsuite.ts",
  "dag.on_failure": "cli/local/local-hooks.test.ts",
  "dag.on_success": "cli/local/local-hooks.test.ts",
  "dag.owner": "services/gateway/gateway.test.ts",
  "dag.parameters": "e2e/dev.test.ts",
  "dag.priority": "libs/testing/dispatch.testsuite.ts",
  "dag.run_timeout": "libs/testing/dispatch.testsuite.ts",
  "dag.schedule": "services/parser/parser.test.ts",
  "dag.schedule.at": "libs/schedule/schedule.test.ts",
  "dag.schedule.catchup": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.cron": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.dst": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.end_date": "libs/definition/checks/read-schedule.test.ts",
  "dag.schedule.entries": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.every": "libs/schedule/schedule.test.ts",
  "dag.schedule.jitter": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.max_catchup": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.overlap": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.pause_after_failures": "services/scheduler/evaluate-schedules.test.ts",
  "dag.schedule.start_date": "libs/definition/checks/read-schedule.test.ts",
  "dag.schedule.timezone": "services/gateway/dags/fire-times.test.ts",
  "dag.sensors": "e2e/sensors.test.ts",
  "dag.tags": "services/gateway/gateway.test.ts",
  "dag.tasks": "e2e/dev.test.ts",
  "dag.timezone": "services/gateway/dags/fire-times.test.ts",
  "dag.webhooks": "e2e/webhook.test.ts",
  "task.allow_failure": "libs/core/attempt-events.test.ts",
  "task.capture_stdout": "e2e/backends.test.ts",
  "task.dependencies": "e2e/dev.test.ts",
  "task.description": "services/gateway/page/page.test.ts",
  "task.downstream": "libs/definition/checks/check-graph.test.ts",
  "task.environment": "services/worker/secrets.test.ts",
  "task.executor": "e2e/backends.test.ts",
  "task.for_each": "services/executor/runs/fan-out.test.ts",
  "task.grace_period": "e2e/dev.test.ts",
  "task.id": "e2e/dev.test.ts",
  "task.idempotent": "libs/core/attempt-events.test.ts",
  "task.keep_partial_outputs": "libs/core/attempt-events.test.ts",
  "task.labels": "libs/testing/placement.testsuite.ts",
  "task.max_infra_retries": "libs/core/attempt-events.test.ts",
  "task.on_failure": "cli/local/local-hooks.test.ts",
  "task.on_success": "cli/local/local-hooks.test.ts",
  "task.operator": "e2e/dev.test.ts",
  "task.outputs": "services/executor/runs/declared-outputs.test.ts",
  "task.parameters": "libs/definition/rendering/render-task.test.ts",
  "task.pool": "libs/testing/limits.testsuite.ts",
  "task.priority": "libs/testing/dispatch.testsuite.ts",
  "task.queue": "e2e/workers.test.ts",
  "task.queue_timeout": "libs/testing/dispatch.testsuite.ts",
  "task.isolation": "services/worker/attempt-enclosure.test.ts",
  "task.image": "services/worker/attempt-enclosure.test.ts",
  "task.network": "libs/runner/enclosure/process-enclosure.test.ts",
  "task.filesystem": "libs/runner/enclosure/process-enclosure.test.ts",
  "task.allow_paths": "libs/definition/schema/task-enclosure.test.ts",
  "task.resources": "services/worker/bad-tasks.test.ts",
  "task.retries": "e2e/functions.test.ts",
  "task.retry": "e2e/backends.test.ts",
  "task.retry.backoff_multiplier": "libs/core/retry-decision.test.ts",
  "task.retry.delay": "e2e/backends.test.ts",
  "task.retry.jitter": "libs/core/retry-decision.test.ts",
  "task.retry.max_delay": "libs/core/retry-decision.test.ts",
  "task.retry.max_retries": "e2e/backends.test.ts",
  "task.retry.no_retry_exit_codes": "libs/core/retry-decision.test.ts",
  "task.retry.retry_exit_codes": "libs/core/retry-decision.test.ts",
  "task.retry.retry_timeout": "libs/core/decide-run.test.ts",
  "task.retry_timeout": "libs/core/decide-run.test.ts",
  "task.timeout": "e2e/chaos.test.ts",
  "task.trigger_rule": "e2e/backends.test.ts",
  "task.type": "e2e/dev.test.ts",
  "task.when": "services/executor/runs/fan-out.test.ts",
  "longParameter.default": "e2e/cli.test.ts",
  "longParameter.description": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.enum": "services/gateway/approvals/approvals.test.ts",
  "longParameter.format": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.items": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.max_length": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.maximum": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.min_length": "services/gateway/approvals/approvals.test.ts",
  "longParameter.minimum": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.pattern": "libs/definition/rendering/resolve-parameters.test.ts",
  "longParameter.required": "e2e/functions.test.ts",
  "longParameter.type": "e2e/cli.test.ts",
  "longParameter.validation": "libs/definition/rendering/resolve-parameters.test.ts",
  "instance.from_template": "services/parser/parser-templates.test.ts",
  "instance.id": "services/parser/parser-templates.test.ts",
  "template.dag": "services/parser/parser-templates.test.ts",
  "template.template": "services/parser/parser-templates.test.ts",
};

/** Keys whose effect no test shows yet. A key that gets its test leaves this list. */
const unproved: readonly string[] = ["dag.format", "instance.format", "template.format"];

/** Parts of a key that are written out. */
const writtenOut: ReadonlySet<string> = new Set(["dag.schedule", "task.retry"]);

/** The keys of the format as `definition.key`, and one level deeper where they are written out. */
function listKeys(): ReadonlySet<string> {
  const schema = JSON.parse(readFileSync(new URL("gen/schemas/dag.json", root), "utf8")) as {
    definitions: Readonly<Record<string, Node>>;
  };
  const keys = new Set<string>();
  for (const [name, node] of Object.entries(schema.definitions)) {
    if (!["dag", "task", "taskBody", "longParameter", "instance", "template"].includes(name)) continue;
    collect(node, name === "taskBody" ? "task" : name, keys);
  }
  return keys;
}

function collect(node: unknown, path: string, keys: Set<string>): void {
  if (Array.isArray(node)) for (const each of node) collect(each, path, keys);
  if (typeof node !== "object" || node === null || Array.isArray(node)) return;
  const { properties = {}, items, anyOf, oneOf, allOf, then, else: other } = node as Node;
  for (const part of [items, anyOf, oneOf, allOf, then, other]) collect(part, path, keys);
  for (const [key, value] of Object.entries(properties)) {
    const inner = `${path}.${key}`;
    if (path.includes(".") && !writtenOut.has(path)) continue;
    keys.add(inner);
    collect(value, inner, keys);
  }
}

test("each key of the schema has a test that uses it, or is listed as one without", () => {
  expect([...Object.keys(proofs), ...unproved].toSorted()).toEqual([...listKeys()].toSorted());
});

test.each(Object.entries(proofs))("%s is used in %s", (key, file) => {
  const url = new URL(file, root);
  expect(existsSync(url), `${file} is there`).toBe(true);
  const name = key.slice(key.lastIndexOf(".") + 1);
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  expect(readFileSync(url, "utf8")).toMatch(new RegExp(`\\b(?:${name}|${camel}(?:Ms|At)?)\\b`));
});
