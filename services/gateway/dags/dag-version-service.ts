import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { diffDefinitions } from "#definition/definition-diff.ts";
import type { Definition } from "#definition/model.ts";
import { diffText } from "#definition/text-diff.ts";
import { AppError } from "#errors/app-error.ts";
import {
  type DagVersionSchema,
  type DagVersionService,
  DefinitionSource,
  type DiffDagVersionsResponseSchema,
} from "#gen/millrace/v1/dag_version_service_pb.js";
import type { Queries } from "#ports/queries.ts";
import type { VersionContent, VersionView } from "#ports/version-views.ts";
import { requireDag } from "./dag-service.ts";
import { readPage } from "../list-request.ts";

/** Handles DagVersionService: reads from the store. */
export function createDagVersionService({ queries }: { queries: Queries }): ServiceImpl<typeof DagVersionService> {
  return {
    async listDagVersions(request) {
      const page = readPage(request);
      await requireDag(queries, request.dagId);
      const found = await queries.listVersions(page, request.dagId);
      return {
        versions: found.items.map(toVersionMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getDagVersion({ dagId, version }) {
      const found = await requireVersion(queries, dagId, version);
      return { dagVersion: { ...toVersionMessage(found), content: found.text } };
    },

    async diffDagVersions({ dagId, fromVersion, toVersion }) {
      const before = await requireVersion(queries, dagId, fromVersion);
      const after = await requireVersion(queries, dagId, toVersion);
      return toDiffMessage(before, after);
    },
  };
}

/** Throws `DAG_NOT_FOUND`, or `DAG_VERSION_NOT_FOUND` with the newest version in its details. */
async function requireVersion(queries: Queries, dagId: string, version: number): Promise<VersionContent> {
  const found = await queries.readVersion(dagId, version);
  if (found !== null) return found;
  await requireDag(queries, dagId);
  const [newest] = (await queries.listVersions({ limit: 1, cursor: null, sort: null }, dagId)).items;
  const range = newest === undefined ? "" : `; its versions are 1 to ${newest.version}`;
  throw new AppError("DAG_VERSION_NOT_FOUND", `the DAG ${dagId} has no version ${version}${range}`, {
    details: { dag_id: dagId, version, newest_version: newest?.version ?? 0 },
  });
}

function toVersionMessage(view: VersionView): MessageInitShape<typeof DagVersionSchema> {
  return {
    dagId: view.dagId,
    version: view.version,
    isActive: view.isActive,
    source: sources[view.source],
    filePath: view.filePath ?? "",
    hash: view.hash,
    registeredAt: timestampFromMs(view.registeredAt),
  };
}

const sources: Readonly<Record<VersionView["source"], DefinitionSource>> = {
  file: DefinitionSource.FILE,
  api: DefinitionSource.API,
};

function toDiffMessage(
  before: VersionContent,
  after: VersionContent,
): MessageInitShape<typeof DiffDagVersionsResponseSchema> {
  const { keys, tasksAdded, tasksRemoved, tasksChanged } = diffDefinitions(
    before.definition as Definition,
    after.definition as Definition,
  );
  const names = { before: `${before.dagId} ${before.version}`, after: `${after.dagId} ${after.version}` };
  return {
    dagId: after.dagId,
    fromVersion: before.version,
    toVersion: after.version,
    keysChanged: [...keys],
    tasksAdded: [...tasksAdded],
    tasksRemoved: [...tasksRemoved],
    tasksChanged: tasksChanged.map((task) => ({ taskId: task.id, keys: [...task.keys] })),
    textDiff: diffText(before.text, after.text, names),
  };
}
