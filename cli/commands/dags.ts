import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { DagSchema } from "#gen/millrace/v1/dag_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderDag, renderDags, renderImportErrors } from "../rendering/dag-view.ts";
import { writeResult } from "../write-result.ts";

interface ListFlags extends ClientFlags {
  readonly archived?: boolean;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  command.description("List and show definitions.");
  const list = command
    .command("list")
    .summary("list definitions")
    .description("List definitions with their schedule and last run.");
  withClientFlags(list)
    .option("--archived", "those that are no longer in force")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 1000)
    .action((flags: ListFlags) => listDags(flags, context));
  withExamples(list, [
    ["millrace dags list", "what is in force"],
    ["millrace dags list --archived", "what was"],
  ]);
  const show = command
    .command("show")
    .summary("show a definition")
    .description("Show a definition: facts, tasks as a tree, errors of its file.");
  withClientFlags(show)
    .argument("<dag>", "id of the DAG")
    .action((dagId: string, flags: ClientFlags) => showDag(dagId, flags, context));
  withExamples(show, [["millrace dags show quickstart", ""]]);
  withExamples(command, [
    ["millrace dags list", "what is in force"],
    ["millrace dags show quickstart", "one of them, with its tasks"],
  ]);
}

async function listDags(flags: ListFlags, context: CliContext): Promise<void> {
  const filter = flags.archived === true ? "is_active:false" : "";
  const { dags, broken } = await withGateway({ flags: { ...flags }, context }, async (gateway) => ({
    dags: await readPages(flags.limit, async (page) => {
      const answer = await gateway.dags.listDags({ filter, ...page });
      return { items: answer.dags, nextCursor: answer.nextCursor };
    }),
    broken: (await gateway.dags.listImportErrors({})).importErrors,
  }));
  await writeResult(context, {
    format: flags.output,
    json: () => dags.map((dag) => messageToJson(DagSchema, dag)),
    lines: (options) => [
      ...(dags.length === 0 ? [nothingListed(flags)] : renderDags(dags, options)),
      ...renderImportErrors(broken, options.paint),
    ],
  });
}

async function showDag(dagId: string, flags: ClientFlags, context: CliContext): Promise<void> {
  const { dag } = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.dags.getDag({ dagId }));
  if (dag === undefined) throw new AppError("DAG_NOT_FOUND", `there is no DAG ${dagId}`);
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DagSchema, dag),
    lines: (options) => renderDag(dag, options),
  });
}

function nothingListed(flags: ListFlags): string {
  return flags.archived === true
    ? "no archived DAGs"
    : "no DAGs; put a definition into the server's folder, and check it with `millrace validate`";
}
