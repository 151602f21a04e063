import type { Command } from "commander";
import type { JsonObject } from "#definition/model.ts";
import { DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { TaskInstanceSchema } from "#gen/millrace/v1/task_service_pb.js";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readInstances, readRun, readTreeTasks } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderRun } from "../rendering/run-view.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";

interface ShowFlags extends ClientFlags {
  readonly dag?: string;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Show a run with its tasks: states, attempts, durations, errors.")
    .argument("<run>", "id of the run, or `latest` with --dag")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .action((runId: string, flags: ShowFlags) => showRun(runId, flags, context));
  withExamples(command, [
    ["millrace show latest --dag quickstart", "the newest run of a DAG"],
    ["millrace show RUN --output yaml", "everything that is known of it"],
  ]);
}

async function showRun(runId: string, flags: ShowFlags, context: CliContext): Promise<void> {
  const reading = withGateway({ flags: { ...flags }, context }, (gateway) =>
    readWhole(gateway, { runId, dagId: flags.dag }),
  );
  const { run, instances, tasks } = await withProgress(context.terminal, "reading the run", reading);
  await writeResult(context, {
    format: flags.output,
    json: () => ({
      ...(messageToJson(DagRunSchema, run) as JsonObject),
      task_instances: instances.map((instance) => messageToJson(TaskInstanceSchema, instance)),
    }),
    lines: (options) => renderRun({ run, instances, tasks, now: context.now(), ...options }),
  });
}

async function readWhole(gateway: GatewayClient, which: { runId: string; dagId: string | undefined }) {
  const run = await readRun(gateway, which);
  const [instances, tasks] = await Promise.all([
    readInstances(gateway, run.dagRunId),
    readTreeTasks(gateway, run.dagId),
  ]);
  return { run, instances, tasks };
}
