import { randomUUID } from "node:crypto";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { RerunVersion } from "#gen/millrace/v1/run_service_pb.js";
import { followServerRun } from "../client/follow-server-run.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { parameterOption } from "../option-values.ts";
import { type DeclaredParameters, parseParameterFlags } from "../parameter-flags.ts";
import { requireRepair, writeRepair } from "../repair-result.ts";

interface RerunFlags extends ClientFlags {
  readonly dag?: string;
  readonly from: readonly string[];
  readonly param: readonly string[];
  readonly latest?: boolean;
  readonly plan?: boolean;
  readonly note: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly follow?: boolean;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description(
      "Run tasks of a run again, with everything below them. Look first with --plan. With --wait or --follow the exit code tells the end: 0 success, 1 failed, 3 cancelled.",
    )
    .argument("<run>", "id of the run, or `latest` with --dag")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--from <tasks...>", "`failed` (what failed or was cut short), `all`, or ids of tasks", ["failed"])
    .addOption(parameterOption())
    .option("--latest", "go on by the newest version of the definition")
    .option("--plan", "say what would be kept, run again and removed, and change nothing")
    .option("--note <text>", "why; kept in the events", "")
    .option("--idempotency-key <key>", "a repeated request with the same key is answered as the first, and done once")
    .option("--wait", "wait until the run has ended")
    .option("--follow", "show its progress and logs until it has ended")
    .action((runId: string, flags: RerunFlags) => rerun(runId, flags, context));
  withExamples(command, [
    ["millrace rerun RUN --latest --plan", "what a fixed definition would run again"],
    ["millrace rerun RUN --latest --follow", "do it, and watch"],
    ["millrace rerun latest --dag etl --from load check", "these tasks and what is below them"],
    ["millrace rerun RUN --idempotency-key fix-42", "safe to repeat"],
    ["millrace rerun RUN --from all -p day=2026-01-31", "everything, with another parameter"],
  ]);
}

async function rerun(runId: string, flags: RerunFlags, context: CliContext): Promise<void> {
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRunId, dagId } = await readRun(gateway, { runId, dagId: flags.dag });
    const parameters = await readParameters(gateway, dagId, flags.param);
    const { repair } = await gateway.runs.rerunDagRun({
      dagRunId,
      from: toFrom(flags.from),
      version: flags.latest === true ? RerunVersion.LATEST : RerunVersion.SAME,
      plan: flags.plan === true,
      note: flags.note,
      // Without a key of the caller's, one of our own: what is sent twice on the way is done once.
      requestId: flags.idempotencyKey ?? randomUUID(),
      ...(parameters === null ? {} : { parameters }),
    });
    const isFollowed = flags.plan !== true && (flags.wait === true || flags.follow === true);
    if (!isFollowed || flags.follow === true) await writeRepair(requireRepair(repair), { flags, context });
    if (!isFollowed) return;
    const run = await readRun(gateway, { runId: dagRunId, dagId: undefined });
    await followServerRun(gateway, run, { context, format: flags.output, isVisible: flags.follow === true });
  });
}

/** One word may be `failed` or `all`; anything else is a list of tasks. */
function toFrom(words: readonly string[]): MessageInitShape<typeof ValueSchema> {
  const [word] = words;
  if (words.length === 1 && (word === "failed" || word === "all"))
    return { kind: { case: "stringValue", value: word } };
  const values = words.map((id) => ({ kind: { case: "stringValue" as const, value: id } }));
  return { kind: { case: "listValue", value: { values } } };
}

async function readParameters(
  gateway: GatewayClient,
  dagId: string,
  flags: readonly string[],
): Promise<JsonObject | null> {
  if (flags.length === 0) return null;
  const { dag } = await gateway.dags.getDag({ dagId });
  const declared = (dag?.parameters ?? {}) as unknown as DeclaredParameters;
  return parseParameterFlags(flags, declared) as JsonObject;
}
