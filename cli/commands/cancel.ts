import type { Command } from "commander";
import { DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { runStateCell } from "../rendering/run-list.ts";
import { writeResult } from "../write-result.ts";

interface CancelFlags extends ClientFlags {
  readonly dag?: string;
  readonly reason: string;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Cancel a run: what waits is skipped, what runs is stopped. A run that has ended stays as it is.")
    .argument("<run>", "id of the run, or `latest` with --dag")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--reason <text>", "kept with the run", "")
    .action((runId: string, flags: CancelFlags) => cancelRun(runId, flags, context));
  withExamples(command, [
    ["millrace cancel RUN --reason 'wrong date'", "one run"],
    ["millrace cancel latest --dag quickstart", "the newest run of a DAG"],
  ]);
}

async function cancelRun(runId: string, flags: CancelFlags, context: CliContext): Promise<void> {
  const run = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRunId } = await readRun(gateway, { runId, dagId: flags.dag });
    const { dagRun } = await gateway.runs.cancelDagRun({ dagRunId, reason: flags.reason });
    return dagRun ?? (await readRun(gateway, { runId: dagRunId, dagId: undefined }));
  });
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DagRunSchema, run),
    lines: ({ paint }) => {
      const state = runStateCell(run);
      return [`${paint(state.color ?? "plain", state.text)} ${run.dagId} ${run.dagRunId}`];
    },
  });
}
