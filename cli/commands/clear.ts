import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { withGateway } from "../client/gateway-client.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { requireRepair, writeRepair } from "../repair-result.ts";

interface ClearFlags extends ClientFlags {
  readonly dag?: string;
  readonly downstream?: boolean;
  readonly plan?: boolean;
  readonly note: string;
  readonly idempotencyKey?: string;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description(
      "Let tasks of a run begin again, in whatever state they are; what runs of them is stopped first. Their outputs are gone, their earlier attempts stay readable.",
    )
    .argument("<run>", "id of the run, or `latest` with --dag")
    .argument("[tasks...]", "ids of tasks (default: all of the run)")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--downstream", "with everything below them")
    .option("--plan", "say what would begin again, and change nothing")
    .option("--note <text>", "why; kept in the events", "")
    .option("--idempotency-key <key>", "a repeated request with the same key is answered as the first, and done once")
    .action((runId: string, tasks: readonly string[], flags: ClearFlags) => clear({ runId, tasks, flags, context }));
  withExamples(command, [
    ["millrace clear RUN load --downstream --plan", "what would begin again"],
    ["millrace clear RUN load --downstream", "one task and everything below it"],
    ["millrace clear latest --dag etl", "the whole run"],
  ]);
}

async function clear(request: {
  readonly runId: string;
  readonly tasks: readonly string[];
  readonly flags: ClearFlags;
  readonly context: CliContext;
}): Promise<void> {
  const { runId, tasks, flags, context } = request;
  const repair = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRunId } = await readRun(gateway, { runId, dagId: flags.dag });
    const answer = await gateway.runs.clearDagRun({
      dagRunId,
      taskIds: [...tasks],
      includeDownstream: flags.downstream === true,
      plan: flags.plan === true,
      note: flags.note,
      // Without a key of the caller's, one of our own: what is sent twice on the way is done once.
      requestId: flags.idempotencyKey ?? randomUUID(),
    });
    return requireRepair(answer.repair);
  });
  await writeRepair(repair, { flags, context });
}
