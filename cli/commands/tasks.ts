import type { Command } from "commander";
import { TaskInstanceSchema } from "#gen/millrace/v1/task_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderInstances } from "../rendering/instance-list.ts";
import { writeResult } from "../write-result.ts";

interface TasksFlags extends ClientFlags {
  readonly dag?: string;
  readonly run?: string;
  readonly state?: string;
  readonly runningLongerThan?: string;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("List task instances of all runs, newest run first.")
    .option("--dag <dag>", "only tasks of this DAG")
    .option("--run <run>", "only tasks of this run; `latest` with --dag")
    .option("--state <states>", "only tasks in these states, separated by commas")
    .option("--running-longer-than <duration>", "only attempts that run, and began longer ago, as 90s or 1h30m")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action((flags: TasksFlags) => listTasks(flags, context));
  withExamples(command, [
    ["millrace tasks --running-longer-than 1h", "what hangs, perhaps"],
    ["millrace tasks --state failed,up_for_retry --dag etl", "what went wrong"],
    ["millrace tasks --state queued --limit 100", "what waits for a worker"],
  ]);
}

async function listTasks(flags: TasksFlags, context: CliContext): Promise<void> {
  const instances = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const run = flags.run === undefined ? null : await readRun(gateway, { runId: flags.run, dagId: flags.dag });
    const filter = {
      dagRunId: run?.dagRunId ?? "",
      dagId: flags.dag ?? "",
      state: flags.state ?? "",
      runningLongerThan: flags.runningLongerThan ?? "",
    };
    return readPages(flags.limit, async (page) => {
      const { taskInstances, nextCursor } = await gateway.tasks.listTaskInstances({ ...filter, ...page });
      return { items: taskInstances, nextCursor };
    });
  });
  await writeResult(context, {
    format: flags.output,
    json: () => instances.map((instance) => messageToJson(TaskInstanceSchema, instance)),
    lines: (options) =>
      instances.length === 0 ? ["no tasks"] : renderInstances(instances, { now: context.now(), ...options }),
  });
}
