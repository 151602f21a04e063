import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { ArtifactService, DownloadArtifactRequest } from "#gen/millrace/v1/artifact_service_pb.js";
import type { ArtifactCatalog, ArtifactView } from "#ports/artifact-catalog.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Queries } from "#ports/queries.ts";
import type { RetentionStore } from "#ports/retention-store.ts";
import { toArtifactMessage } from "./artifact-message.ts";
import { invalidField, readPage } from "../list-request.ts";
import { findRemoval, textOfRemoval } from "../runs/removals.ts";
import { requireRun } from "../runs/run-service.ts";

/** Of files with one name, named in an error. */
const maxNamed = 10;

/** Handles ArtifactService: the list is the store's, the bytes are read from where executors keep them. */
export function createArtifactService(deps: {
  readonly queries: Queries;
  readonly index: ArtifactCatalog;
  readonly retention: RetentionStore;
  /** Null: nothing is kept here. */
  readonly store: ArtifactStore | null;
}): ServiceImpl<typeof ArtifactService> {
  const { queries, index, retention, store } = deps;
  return {
    async listArtifacts(request) {
      const { runId, runKey } = await requireRun(queries, { runId: request.dagRunId, dagId: "" });
      const page = readPage(request);
      const found = await index.list(page, {
        runId,
        taskId: request.taskId === "" ? null : request.taskId,
        mapIndex: request.mapIndex ?? null,
        name: null,
        attempts: request.allAttempts ? "all" : "newest",
      });
      return {
        artifacts: found.items.map(toArtifactMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
        removed: textOfRemoval(await findRemoval(retention, runKey, "artifacts")),
      };
    },

    async *downloadArtifact(request) {
      const { runId, runKey } = await requireRun(queries, { runId: request.dagRunId, dagId: "" });
      const artifact = await requireArtifact(index, runId, request).catch(async (error: unknown) => {
        const removed = textOfRemoval(await findRemoval(retention, runKey, "artifacts"));
        throw removed === "" ? error : withReason(AppError.from(error), removed);
      });
      const content = (await store?.read(artifact.location)) ?? null;
      if (content === null) {
        const message = `the artifact ${artifact.name} of ${runId} is listed, and its bytes are not where this server looks`;
        throw new AppError("ARTIFACT_NOT_FOUND", `${message}; executors and gateways need the same \`artifacts.*\``);
      }
      yield { artifact: toArtifactMessage(artifact) };
      for await (const data of content) yield { data };
    },
  };
}

/** What is not there may have been. */
function withReason(error: AppError, removed: string): AppError {
  return error.code === "ARTIFACT_NOT_FOUND" ? new AppError(error.code, `${error.message}; ${removed}`) : error;
}

async function requireArtifact(
  index: ArtifactCatalog,
  runId: string,
  { name, taskId, mapIndex, attempt }: DownloadArtifactRequest,
): Promise<ArtifactView> {
  if (name === "") throw invalidField("name", "is missing; name a file");
  if (attempt < 0) throw invalidField("attempt", `must be the number of an attempt, or 0, not ${attempt}`);
  const { items } = await index.list(
    { limit: maxNamed + 1, cursor: null, sort: null },
    {
      ...{ runId, name, taskId: taskId === "" ? null : taskId, mapIndex: mapIndex ?? null },
      attempts: attempt === 0 ? "newest" : attempt,
    },
  );
  const [first, ...others] = items;
  if (first === undefined) {
    const of = taskId === "" ? "" : ` of task ${taskId}`;
    throw new AppError("ARTIFACT_NOT_FOUND", `run ${runId} has no artifact ${JSON.stringify(name)}${of}`);
  }
  if (others.length === 0) return first;
  const places = items
    .slice(0, maxNamed)
    .map((item) => `${item.taskId}${item.mapIndex === null ? "" : `[${item.mapIndex}]`}`);
  const rest = items.length > maxNamed ? " and others" : "";
  const message = `run ${runId} has several artifacts ${name}, of ${places.join(", ")}${rest}; say task_id, and map_index for an item`;
  throw new AppError("ARTIFACT_AMBIGUOUS", message, { details: { tasks: places } });
}
