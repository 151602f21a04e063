/**
 * Fields whose effect needs more than one server with a worker (a bucket, a lost worker), and the test
 * that shows it: it names the field, or a variable of that name.
 */
export const shownElsewhere: Readonly<Record<string, string>> = {
  "task.description": "services/gateway/page/page.test.ts",
  "task.max_infra_retries": "libs/core/attempt-events.test.ts",
  "dag.schedule.jitter": "services/scheduler/evaluate-schedules.test.ts",
  "parameter.description": "libs/definition/rendering/resolve-parameters.test.ts",
  "function.handler": "e2e/functions.test.ts",
  "function.arguments": "libs/operators/function-operator.test.ts",
  "python.virtualenv": "libs/runner/run-python-packages.test.ts",
  "python.requirements": "libs/runner/run-python-packages.test.ts",
  ...fieldsOf("sensors.s3", "libs/sensors/s3/poll-bucket.test.ts", [
    ...["id", "type", "bucket", "prefix", "endpoint", "region", "access_key_id", "secret_access_key", "batch_size"],
  ]),
  ...fieldsOf("sensors.s3", "libs/definition/sensors.test.ts", ["poll_interval", "timeout"]),
  "task.resources.gpus": "e2e/placement.test.ts",
  "task.isolation": "libs/definition/schema/task-enclosure.test.ts",
  "task.image": "libs/runner/enclosure/container-enclosure.test.ts",
  "task.network": "libs/runner/enclosure/process-enclosure.test.ts",
  "task.filesystem": "libs/runner/enclosure/process-enclosure.test.ts",
  "task.allow_paths": "libs/runner/enclosure/process-enclosure.test.ts",
  "bash.network": "libs/runner/enclosure/process-enclosure.test.ts",
  "python.network": "libs/runner/enclosure/process-enclosure.test.ts",
  ...fieldsOf("container", "libs/runner/enclosure/container-enclosure.test.ts", [
    ...["image", "command", "mounts", "mounts.source", "mounts.target", "mounts.read_only"],
    ...["environment", "network"],
  ]),
  ...fieldsOf("container", "e2e/enclosures.test.ts", [
    ...["resources", "resources.cpu", "resources.memory", "resources.disk"],
  ]),
  "container.entrypoint": "libs/runner/enclosure/container-command.test.ts",
  "container.working_directory": "libs/runner/run-operators.test.ts",
  ...fieldsOf("sensors.kafka", "libs/sensors/kafka/poll-topic.test.ts", [
    ...["type", "topic", "connection", "match", "batch_size"],
  ]),
  ...fieldsOf("sensors.kafka", "libs/definition/sensors.test.ts", ["id", "poll_interval", "timeout"]),
};

function fieldsOf(path: string, file: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [`${path}.${name}`, file]));
}
