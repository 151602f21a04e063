import { randomUUID } from "node:crypto";
import { Argument, type Command } from "commander";
import { TaskState } from "#gen/millrace/v1/task_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { requireRepair, writeRepair } from "../repair-result.ts";

const states = { success: TaskState.SUCCESS, failed: TaskState.FAILED, skipped: TaskState.SKIPPED } as const;

interface MarkFlags extends ClientFlags {
  readonly dag?: string;
  readonly downstream?: boolean;
  readonly plan?: boolean;
  readonly note: string;
  readonly idempotencyKey?: string;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Set the state of tasks by hand; what runs of them is stopped. The run's state follows.")
    .addArgument(new Argument("<state>", "the state they get").choices(Object.keys(states)))
    .argument("<run>", "id of the run, or `latest` with --dag")
    .argument("[tasks...]", "ids of tasks (default: all of the run)")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--downstream", "let everything below them begin again")
    .option("--plan", "say what would follow, and change nothing")
    .option("--note <text>", "why; kept in the events", "")
    .option("--idempotency-key <key>", "a repeated request with the same key is answered as the first, and done once")
    .action((state: keyof typeof states, runId: string, tasks: readonly string[], flags: MarkFlags) =>
      mark({ state, runId, tasks, flags, context }),
    );
  withExamples(command, [
    ["millrace mark success RUN load --downstream --note 'loaded by hand'", "go on behind a task done by hand"],
    ["millrace mark skipped RUN report", "it is not needed"],
  ]);
}

async function mark(request: {
  readonly state: keyof typeof states;
  readonly runId: string;
  readonly tasks: readonly string[];
  readonly flags: MarkFlags;
  readonly context: CliContext;
}): Promise<void> {
  const { state, runId, tasks, flags, context } = request;
  const repair = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRunId } = await readRun(gateway, { runId, dagId: flags.dag });
    const answer = await gateway.runs.markDagRun({
      dagRunId,
      state: states[state],
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
