import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { DagSchema } from "#gen/millrace/v1/dag_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import type { DiffFlags } from "../dags/diff-file.ts";
import type { VersionsFlags } from "../dags/show-versions.ts";
import { wholeNumber } from "../option-values.ts";
import { renderDag, renderDags, renderImportErrors } from "../rendering/dag-view.ts";
import { writeResult } from "../write-result.ts";

interface ListFlags extends ClientFlags {
  readonly archived?: boolean;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  command.description("List and show definitions and what they were before; put them in force and take them out.");
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
  configureVersions(command.command("versions"), context);
  configureDiff(command.command("diff"), context);
  configurePush(command.command("push"), context);
  configureDelete(command.command("delete"), context);
  withExamples(command, [
    ["millrace dags list", "what is in force"],
    ["millrace dags show quickstart", "one of them, with its tasks"],
  ]);
}

const versionNumber = wholeNumber({ min: 1, max: 2_147_483_647 });

function configureVersions(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("list what a definition was")
    .description("List the versions of a definition, newest first, or print the text of one.")
    .argument("<dag>", "id of the DAG")
    .argument("[version]", "the number of one", versionNumber)
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action(async (dagId: string, version: number | undefined, flags: VersionsFlags) => {
      const { showVersions } = await import("../dags/show-versions.ts");
      await showVersions(dagId, version, flags, context);
    });
  withExamples(command, [
    ["millrace dags versions quickstart", "all of them"],
    ["millrace dags versions quickstart 2", "the text of one"],
  ]);
}

function configureDiff(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("show what changed between versions, or would with a file")
    .description(
      "Show which keys and tasks are other in one version than in another, and the lines of their texts: the newest against the one before it, unless numbers say otherwise. With `--file`, what the file would change of the version in force.",
    )
    .argument("<dag>", "id of the DAG")
    .argument("[from]", "the older version (default: the one before)", versionNumber)
    .argument("[to]", "the newer version (default: the newest)", versionNumber)
    .option("--file <file>", "a definition that is not in force, in YAML or JSON")
    .action(async (dagId: string, from: number | undefined, to: number | undefined, flags: DiffFlags) => {
      if (flags.file !== undefined) {
        const { diffFile } = await import("../dags/diff-file.ts");
        return diffFile({ dagId, file: flags.file, versions: [from, to] }, flags, context);
      }
      const { diffVersions } = await import("../dags/show-versions.ts");
      return diffVersions(dagId, { from, to }, flags, context);
    });
  withExamples(command, [
    ["millrace dags diff quickstart", "what the last change was"],
    ["millrace dags diff quickstart 1 4", "between two"],
    ["millrace dags diff quickstart --file dags/quickstart.yaml", "what a file would change"],
  ]);
}

function configurePush(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("put a definition in force")
    .description(
      "Send a definition to the server, where it is in force at once, without a file in the server's folder. One with errors is refused with all of them.",
    )
    .argument("<file>", "a definition in YAML or JSON")
    .action(async (file: string, flags: ClientFlags) => {
      const { pushDag } = await import("../dags/change-dags.ts");
      await pushDag(file, flags, context);
    });
  withExamples(command, [["millrace dags push etl.yaml", ""]]);
}

function configureDelete(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("take a definition out of force")
    .description(
      "Archive a definition that was pushed: its schedule ends, its runs and versions stay. One with a file goes when the file is removed.",
    )
    .argument("<dag>", "id of the DAG")
    .action(async (dagId: string, flags: ClientFlags) => {
      const { deleteDag } = await import("../dags/change-dags.ts");
      await deleteDag(dagId, flags, context);
    });
  withExamples(command, [["millrace dags delete etl", ""]]);
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
