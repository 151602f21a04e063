import type { ServiceImpl, Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import type { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import type { DagView } from "#ports/dag-views.ts";
import type { Queries } from "#ports/queries.ts";
import { toDagMessage, toImportErrorMessage } from "./dag-message.ts";
import { parseFilter, readSingle } from "../filter.ts";
import { listFireTimes } from "./fire-times.ts";
import { forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import { refuseErrors } from "./refuse-errors.ts";

/** How many names or broken files are looked through to explain an unknown id. */
const maxCandidates = 100;

/** Handles DagService: reads from the store, changes through the parser. */
export function createDagService(deps: {
  queries: Queries;
  parser: Transport;
  now: () => number;
}): ServiceImpl<typeof DagService> {
  const { queries, now } = deps;
  const parser = createClient(ParserService, deps.parser);
  return {
    async listDags(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["is_active"], text: true });
      const isActive = readBoolean("is_active", readSingle(filter, "is_active")) ?? true;
      const found = await queries.listDags(page, { isActive, text: filter.text });
      return {
        dags: found.items.map(toDagMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getDag({ dagId }) {
      return { dag: toDagMessage(await requireDag(queries, dagId)) };
    },

    async listFireTimes(request) {
      return listFireTimes(await requireDag(queries, request.dagId), request, now());
    },

    async updateDag({ dagId, isPaused }, context) {
      if (isPaused === undefined) throw invalidField("is_paused", "is missing; it is what can be changed");
      await requireDag(queries, dagId);
      await parser.setPaused({ dagId, isPaused }, forwardOptions(context));
      return { dag: toDagMessage(await requireDag(queries, dagId)) };
    },

    async pushDag({ content, source }, context) {
      const pushed = await parser.registerDefinition({ content, source }, forwardOptions(context));
      refuseErrors(pushed.problems, "the definition has errors");
      const { dagId, version, changed, problems } = pushed;
      return { dagId, version, changed, problems };
    },

    async deleteDag({ dagId }, context) {
      await requireDag(queries, dagId);
      await parser.archiveDag({ dagId }, forwardOptions(context));
      return { dag: toDagMessage(await requireDag(queries, dagId)) };
    },

    async listImportErrors(request) {
      const page = readPage(request);
      const found = await queries.listImportErrors(page);
      return {
        importErrors: found.items.map(toImportErrorMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },
  };
}

/** The definition, or `DAG_NOT_FOUND` with the closest name and, if a broken file is named after it, what is wrong in it. */
export async function requireDag(queries: Queries, dagId: string): Promise<DagView> {
  const dag = await queries.getDag(dagId);
  if (dag !== null) return dag;
  const first = { limit: maxCandidates, cursor: null, sort: null };
  const [dags, broken] = await Promise.all([
    queries.listDags(first, { isActive: null, text: null }),
    queries.listImportErrors(first),
  ]);
  const closest = closestName(
    dagId,
    dags.items.map((item) => item.dagId),
  );
  const errors = broken.items.filter((item) => baseName(item.filePath) === dagId).flatMap((item) => item.problems);
  const hint = errors.length > 0 ? "; its file has errors" : closest === null ? "" : `; did you mean ${closest}?`;
  throw new AppError("DAG_NOT_FOUND", `no DAG ${dagId}${hint}`, {
    details: { dag_id: dagId, ...(closest === null ? {} : { closest }), ...(errors.length > 0 ? { errors } : {}) },
  });
}

function baseName(filePath: string): string {
  const file = filePath.slice(filePath.lastIndexOf("/") + 1);
  return file.replace(/\.[^.]+$/, "");
}

function readBoolean(name: string, value: string | null): boolean | null {
  if (value === null) return null;
  if (value !== "true" && value !== "false") throw invalidField(name, `must be true or false, not ${value}`);
  return value === "true";
}
