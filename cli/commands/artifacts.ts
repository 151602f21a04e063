import type { Command } from "commander";
import { basename, resolve } from "node:path";
import { ArtifactSchema } from "#gen/millrace/v1/artifact_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { downloadArtifact } from "../artifacts/download-artifact.ts";
import { withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderArtifacts, sizeText } from "../rendering/artifact-list.ts";
import { writeResult } from "../write-result.ts";

interface RunFlags extends ClientFlags {
  readonly dag?: string;
  readonly task?: string;
}

interface ListFlags extends RunFlags {
  readonly all?: boolean;
  readonly limit: number;
}

interface GetFlags extends RunFlags {
  readonly item?: number;
  readonly attempt?: number;
  readonly to?: string;
  readonly force?: boolean;
}

export function configure(command: Command, context: CliContext): void {
  command.description("Files that tasks left in $MILLRACE_ARTIFACTS.");
  const list = command
    .command("list <run>")
    .summary("list the files of a run")
    .description("List the files that the tasks of a run left, of each task those of its newest attempt.");
  withRunFlags(list)
    .option("--all", "also those of earlier attempts, and from before a rerun")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 100)
    .action((runId: string, flags: ListFlags) => listArtifacts(runId, flags, context));
  withExamples(list, [["millrace artifacts list latest --dag quickstart", "of the newest run"]]);
  const get = command
    .command("get <run> <name>")
    .summary("fetch one file")
    .description("Write a file to this machine; what came is checked against the hash that the server lists.");
  withRunFlags(get)
    .option("--item <index>", "place of the item, where the task is a fan-out", wholeNumber({ min: 0, max: 1_000_000 }))
    .option("--attempt <number>", "which attempt (default: the newest)", wholeNumber({ min: 1, max: 1_000_000 }))
    .option("--to <file>", "where to write it (default: its own name, here)")
    .option("--force", "replace a file that is there")
    .action((runId: string, name: string, flags: GetFlags) => getArtifact({ runId, name, flags, context }));
  withExamples(get, [["millrace artifacts get RUN reports/summary.csv --to /tmp/summary.csv", ""]]);
  withExamples(command, [
    ["millrace artifacts list RUN", "what there is"],
    ["millrace artifacts get RUN summary.csv", "one file, into this folder"],
  ]);
}

function withRunFlags(command: Command): Command {
  return withClientFlags(command)
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--task <task>", "only of this task");
}

async function listArtifacts(runId: string, flags: ListFlags, context: CliContext): Promise<void> {
  let removed = "";
  const artifacts = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRunId } = await readRun(gateway, { runId, dagId: flags.dag });
    const request = { dagRunId, taskId: flags.task ?? "", allAttempts: flags.all === true };
    return readPages(flags.limit, async (page) => {
      const answer = await gateway.artifacts.listArtifacts({ ...request, ...page });
      removed = answer.removed;
      return { items: answer.artifacts, nextCursor: answer.nextCursor };
    });
  });
  await writeResult(context, {
    format: flags.output,
    json: () => artifacts.map((artifact) => messageToJson(ArtifactSchema, artifact)),
    lines: (options) => {
      if (artifacts.length > 0)
        return [...renderArtifacts(artifacts, options), ...(removed === "" ? [] : ["", removed])];
      return [removed === "" ? "the run left no artifacts" : removed];
    },
  });
}

async function getArtifact(options: {
  runId: string;
  name: string;
  flags: GetFlags;
  context: CliContext;
}): Promise<void> {
  const { runId, name, flags, context } = options;
  const stopping = new AbortController();
  const endInterrupt = context.onInterrupt((count) => (count === 1 ? stopping.abort() : context.abort()));
  try {
    const path = resolve(context.directory, flags.to ?? basename(name));
    const artifact = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
      const { dagRunId } = await readRun(gateway, { runId, dagId: flags.dag });
      const item = flags.item === undefined ? {} : { mapIndex: flags.item };
      const request = { dagRunId, name, taskId: flags.task ?? "", attempt: flags.attempt ?? 0, ...item };
      const mayReplace = flags.force === true;
      return downloadArtifact(gateway, { request, path, mayReplace, signal: stopping.signal });
    });
    await writeResult(context, {
      format: flags.output,
      json: () => ({ path, artifact: messageToJson(ArtifactSchema, artifact) }),
      lines: () => [`wrote ${path} (${sizeText(Number(artifact.size))})`],
    });
  } finally {
    endInterrupt();
  }
}
