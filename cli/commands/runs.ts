import type { Command } from "commander";
import { runStates } from "#core/states.ts";
import { AppError } from "#errors/app-error.ts";
import { DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderRuns } from "../rendering/run-list.ts";
import { writeResult } from "../write-result.ts";

interface RunsFlags extends ClientFlags {
  readonly dag?: string;
  readonly state?: string;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("List runs, newest first.")
    .option("--dag <dag>", "only runs of this DAG")
    .option("--state <states>", `only runs in these states, separated by commas (${runStates.join(", ")})`)
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action((flags: RunsFlags) => listRuns(flags, context));
  withExamples(command, [
    ["millrace runs", "the newest 20"],
    ["millrace runs --dag quickstart --state failed", "what failed"],
    ["millrace runs --output json", "for programs"],
  ]);
}

async function listRuns(flags: RunsFlags, context: CliContext): Promise<void> {
  checkStates(flags.state);
  const dagRuns = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const request = { dagId: flags.dag ?? "", state: flags.state ?? "", ...page };
      const answer = await gateway.runs.listDagRuns(request);
      return { items: answer.dagRuns, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => dagRuns.map((run) => messageToJson(DagRunSchema, run)),
    lines: (options) =>
      dagRuns.length === 0 ? ["no runs; create one with `millrace trigger DAG`"] : renderRuns(dagRuns, options),
  });
}

function checkStates(states: string | undefined): void {
  const known: readonly string[] = runStates;
  const unknown = (states ?? "").split(",").find((state) => state !== "" && !known.includes(state));
  if (unknown === undefined) return;
  throw new AppError("INVALID_ARGUMENT", `${unknown} is not a state of a run; use one of ${runStates.join(", ")}`);
}
