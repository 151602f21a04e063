import { AppError } from "#errors/app-error.ts";
import {
  type DagVersion,
  DagVersionSchema,
  DefinitionSource,
  DiffDagVersionsResponseSchema,
} from "#gen/millrace/v1/dag_version_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import type { ClientFlags } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderDiff, textLines } from "../rendering/diff-lines.ts";
import { timestampMillis } from "../rendering/proto-words.ts";
import { renderTable } from "../rendering/table.ts";
import { harmlessLine } from "../rendering/terminal-text.ts";
import { instantText } from "../rendering/time-text.ts";
import { writeResult } from "../write-result.ts";

export interface VersionsFlags extends ClientFlags {
  readonly limit: number;
}

/** Lists the versions of a definition, or prints the text of one. */
export async function showVersions(
  dagId: string,
  version: number | undefined,
  flags: VersionsFlags,
  context: CliContext,
): Promise<void> {
  if (version !== undefined) return showVersion(dagId, version, flags, context);
  const versions = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.dagVersions.listDagVersions({ dagId, ...page });
      return { items: answer.versions, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => versions.map((each) => messageToJson(DagVersionSchema, each)),
    lines: (options) =>
      renderTable({
        columns: [{ title: "VERSION" }, { title: "SINCE" }, { title: "FROM", flexible: true }, { title: "HASH" }],
        rows: versions.map((each) => [
          { text: `${each.version}${each.isActive ? " ●" : ""}` },
          { text: sinceOf(each) },
          { text: originOf(each) },
          { text: each.hash.slice(0, 12) },
        ]),
        ...options,
      }),
  });
}

async function showVersion(dagId: string, version: number, flags: ClientFlags, context: CliContext): Promise<void> {
  const { dagVersion } = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.dagVersions.getDagVersion({ dagId, version }),
  );
  if (dagVersion === undefined) throw new AppError("INTERNAL", "the server answered without a version");
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DagVersionSchema, dagVersion),
    lines: () => textLines(dagVersion.content).map(harmlessLine),
  });
}

function sinceOf({ registeredAt }: DagVersion): string {
  const at = timestampMillis(registeredAt);
  return at === null ? "" : instantText(at);
}

function originOf({ source, filePath }: DagVersion): string {
  return source === DefinitionSource.FILE ? filePath : "a push";
}

/** Shows what is other in one version than in another; by default in the newest than in the one before. */
export async function diffVersions(
  dagId: string,
  range: { readonly from: number | undefined; readonly to: number | undefined },
  flags: ClientFlags,
  context: CliContext,
): Promise<void> {
  const diff = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const toVersion = range.to ?? (await newestOf(gateway.dagVersions.listDagVersions({ dagId, limit: 1 })));
    const fromVersion = range.from ?? toVersion - 1;
    if (fromVersion < 1) {
      throw new AppError("INVALID_ARGUMENT", `the DAG ${dagId} has one version; there is none before it`);
    }
    return gateway.dagVersions.diffDagVersions({ dagId, fromVersion, toVersion });
  });
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DiffDagVersionsResponseSchema, diff),
    lines: ({ paint }) =>
      renderDiff(
        { title: `${diff.dagId} ${diff.fromVersion} → ${diff.toVersion}`, changes: diff, textDiff: diff.textDiff },
        paint,
      ),
  });
}

async function newestOf(asked: Promise<{ readonly versions: readonly DagVersion[] }>): Promise<number> {
  return (await asked).versions[0]?.version ?? 0;
}
