import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { AppError } from "#errors/app-error.ts";
import { DagSchema, PushDagResponseSchema } from "#gen/millrace/v1/dag_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import type { ClientFlags } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { writeResult } from "../write-result.ts";
import { unreadableFile } from "../unreadable-file.ts";

/** Puts a file's definition in force on the server, without its folder. */
export async function pushDag(file: string, flags: ClientFlags, context: CliContext): Promise<void> {
  const content = await readFile(resolve(context.directory, file)).catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
  const pushed = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.dags.pushDag({ content, source: file }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(PushDagResponseSchema, pushed),
    lines: ({ paint }) => [
      ...renderProblems(pushed.problems, paint),
      pushed.changed
        ? `${pushed.dagId} version ${pushed.version} is in force`
        : `${pushed.dagId} version ${pushed.version} was in force already`,
    ],
  });
}

/** Takes a definition out of force. */
export async function deleteDag(dagId: string, flags: ClientFlags, context: CliContext): Promise<void> {
  const { dag } = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.dags.deleteDag({ dagId }));
  if (dag === undefined) throw new AppError("INTERNAL", "the server answered without a DAG");
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DagSchema, dag),
    lines: () => [`${dag.dagId} is archived; its runs and versions stay`],
  });
}
