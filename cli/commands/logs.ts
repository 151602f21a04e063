import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import type { LogLine, TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import { createGatewayFeed } from "../client/gateway-feed.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readInstances, readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { followRun } from "../follow/follow-run.ts";
import { createLogPresenter } from "../follow/presenters.ts";
import { renderLogLine } from "../rendering/progress-line.ts";
import { timestampMillis } from "../rendering/proto-words.ts";
import { instanceName } from "../rendering/instance-cells.ts";
import { harmlessLine } from "../rendering/terminal-text.ts";

interface LogsFlags extends ClientFlags {
  readonly dag?: string;
  readonly follow?: boolean;
  readonly attempt?: number;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Print the log of a task, or of all tasks of a run with the task before each line.")
    .argument("<run>", "id of the run, or `latest` with --dag")
    .argument("[task]", "id of the task; `task[key]` for an item of a fan-out")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("-f, --follow", "go on until the task, or the run, has ended")
    .option("--attempt <number>", "which attempt (default: the newest)", wholeNumber({ min: 1, max: 1_000_000 }))
    .action((runId: string, task: string | undefined, flags: LogsFlags) => printLogs({ runId, task, flags, context }));
  withExamples(command, [
    ["millrace logs RUN greet", "one task, its newest attempt"],
    ["millrace logs latest --dag quickstart -f", "everything, as it comes"],
    ["millrace logs RUN load --attempt 1 --output json", "an earlier attempt, one JSON object a line"],
  ]);
}

interface LogsRequest {
  readonly runId: string;
  readonly task: string | undefined;
  readonly flags: LogsFlags;
  readonly context: CliContext;
}

async function printLogs({ runId, task, flags, context }: LogsRequest): Promise<void> {
  if (task === undefined && flags.attempt !== undefined) {
    throw new AppError("INVALID_ARGUMENT", "--attempt needs a task; name it after the run");
  }
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const run = await readRun(gateway, { runId, dagId: flags.dag });
    if (task === undefined && flags.follow === true && run.endDate === undefined) {
      await followLogs(gateway, run, context);
      return;
    }
    const instances = await readInstances(gateway, run.dagRunId);
    const wanted = task === undefined ? inOrderOfStart(instances) : [findInstance(instances, task, run)];
    for (const instance of wanted) await printLog(gateway, instance, { flags, context, isNamed: task === undefined });
  });
}

async function followLogs(gateway: GatewayClient, run: DagRun, context: CliContext): Promise<void> {
  const stopping = new AbortController();
  const endInterrupt = context.onInterrupt((count) => (count === 1 ? stopping.abort() : context.abort()));
  try {
    const onAway = (): void => context.terminal.writeError("the server is away; trying again\n");
    const feed = createGatewayFeed(gateway, run, { onAway });
    await followRun({ feed, presenter: createLogPresenter(context.terminal), withLogs: true, signal: stopping.signal });
  } finally {
    endInterrupt();
  }
}

async function printLog(
  gateway: GatewayClient,
  instance: TaskInstance,
  { flags, context, isNamed }: { flags: LogsFlags; context: CliContext; isNamed: boolean },
): Promise<void> {
  const stopping = new AbortController();
  const endInterrupt = context.onInterrupt((count) => (count === 1 ? stopping.abort() : context.abort()));
  const request = { id: instance.id, attempt: flags.attempt ?? 0, follow: flags.follow === true && !isNamed };
  try {
    for await (const { lines } of gateway.tasks.streamLogs(request, { signal: stopping.signal })) {
      for (const line of lines) context.terminal.write(`${formatLine(line, { instance, flags, context, isNamed })}\n`);
    }
  } catch (thrown) {
    if (!stopping.signal.aborted) throw thrown;
  } finally {
    endInterrupt();
  }
}

/** Into a terminal task output goes without control sequences; into a pipe or file as it is. */
function formatLine(
  line: LogLine,
  {
    instance,
    flags,
    context,
    isNamed,
  }: { instance: TaskInstance; flags: LogsFlags; context: CliContext; isNamed: boolean },
): string {
  const taskId = instanceName(instance);
  if (flags.output === "json") {
    const at = timestampMillis(line.timestamp);
    const timestamp = at === null ? null : new Date(at).toISOString();
    return JSON.stringify({
      task_id: taskId,
      number: Number(line.number),
      timestamp,
      source: line.source,
      attempt: line.attempt,
      text: line.text,
    });
  }
  if (isNamed) return renderLogLine({ taskId, source: line.source, text: line.text, paint: context.terminal.paint });
  return context.terminal.isInteractive ? harmlessLine(line.text) : line.text;
}

/** Tasks that never started have no log. */
function inOrderOfStart(instances: readonly TaskInstance[]): readonly TaskInstance[] {
  const started = instances.filter((instance) => instance.tryNumber > 0);
  return started.toSorted((a, b) => (timestampMillis(a.startDate) ?? 0) - (timestampMillis(b.startDate) ?? 0));
}

function findInstance(instances: readonly TaskInstance[], task: string, run: DagRun): TaskInstance {
  const found = instances.find((instance) => instanceName(instance) === task);
  if (found !== undefined) return found;
  const names = instances.slice(0, 10).map(instanceName).join(", ");
  throw new AppError("TASK_INSTANCE_NOT_FOUND", `run ${run.dagRunId} has no task ${task}; it has ${names}`);
}
