import type { Command } from "commander";
import { GetHealthResponseSchema } from "#gen/millrace/v1/system_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderHealth } from "../rendering/health-view.ts";
import { writeResult } from "../write-result.ts";

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Show the health of the server and of its components. Exit code 1 when it is unhealthy.")
    .action((flags: ClientFlags) => showHealth(flags, context));
  withExamples(command, [
    ["millrace health", "the components and what is wrong with them"],
    ["millrace health --server http://10.0.0.5:8080 --output json", "of another server, for programs"],
  ]);
}

async function showHealth(flags: ClientFlags, context: CliContext): Promise<void> {
  const health = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.system.getHealth({}));
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(GetHealthResponseSchema, health),
    lines: (options) => renderHealth(health, options),
  });
  if (health.status === "unhealthy") context.setExitCode(exitCodes.failed);
}
