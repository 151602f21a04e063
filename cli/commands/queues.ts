import type { Command } from "commander";
import { QueueSchema } from "#gen/millrace/v1/worker_admin_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderQueues } from "../rendering/worker-view.ts";
import { writeResult } from "../write-result.ts";

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Show the queues: how much waits in each, since when, and which workers take from it.")
    .action((flags: ClientFlags) => showQueues(flags, context));
  withExamples(command, [
    ["millrace queues", "a queue in which something waits and that nobody serves stands out"],
    ["millrace queues --output json", "for programs"],
  ]);
}

async function showQueues(flags: ClientFlags, context: CliContext): Promise<void> {
  const { queues } = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.workers.listQueues({}));
  await writeResult(context, {
    format: flags.output,
    json: () => queues.map((queue) => messageToJson(QueueSchema, queue)),
    lines: (options) =>
      queues.length === 0 ? ["nothing waits, and no worker is connected"] : renderQueues(queues, options),
  });
}
