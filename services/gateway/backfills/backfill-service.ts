import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl, Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { BackfillAction, type BackfillService } from "#gen/millrace/v1/backfill_service_pb.js";
import { type ChangeBackfillRequestSchema, SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { BackfillState, BackfillStore, BackfillView } from "#ports/backfill-store.ts";
import type { Queries } from "#ports/queries.ts";
import { toBackfillMessage } from "./backfill-message.ts";
import { requireDag } from "../dags/dag-service.ts";
import { parseFilter, readSingle, readWords } from "../filter.ts";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import { toRunMessage } from "../runs/run-message.ts";

const backfillStates = [
  "planning",
  "running",
  "cancelling",
  "cancelled",
  "completed",
] as const satisfies readonly BackfillState[];

export interface BackfillServiceDeps {
  readonly backfills: Pick<BackfillStore, "get" | "list" | "listRuns">;
  readonly queries: Queries;
  readonly scheduler: Transport;
}

type BackfillChange = NonNullable<MessageInitShape<typeof ChangeBackfillRequestSchema>["change"]>;

/** Handles BackfillService: reads from the store, changes through the scheduler. */
export function createBackfillService(deps: BackfillServiceDeps): ServiceImpl<typeof BackfillService> {
  const { backfills, queries } = deps;
  const scheduler = createClient(SchedulerService, deps.scheduler);
  const toMessage = async (view: BackfillView) => toBackfillMessage(view, await queries.getDag(view.dagId));
  const read = async (backfillId: string) => toMessage(await requireBackfill(backfills, backfillId));
  const change = async (backfillId: string, asked: BackfillChange, context: HandlerContext) => {
    const { backfillId: id } = await requireBackfill(backfills, backfillId);
    const request = { backfillId: id, caller: anonymousCaller, change: asked };
    await scheduler.changeBackfill(request, forwardOptions(context));
    return { backfill: await read(id) };
  };
  return {
    async createBackfill(request, context) {
      const asked = { backfill: request, caller: anonymousCaller };
      const made = await scheduler.startBackfill(asked, forwardOptions(context));
      if (made.preview !== undefined) return { preview: made.preview };
      return { backfill: await read(made.backfillId), repeatedRequest: made.repeatedRequest };
    },

    async listBackfills(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["state", "dag_id"], text: false });
      const dagId = readSingle(filter, "dag_id");
      const states = readWords("state", filter.terms.get("state") ?? [], backfillStates);
      const found = await backfills.list(page, { dagId, states });
      if (found.totalCount === 0 && dagId !== null) await requireDag(queries, dagId);
      return {
        backfills: await Promise.all(found.items.map(toMessage)),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getBackfill({ backfillId }) {
      return { backfill: await read(backfillId) };
    },

    async updateBackfill({ backfillId, action }, context) {
      if (action === BackfillAction.UNSPECIFIED) throw invalidField("action", "is missing; it is pause or resume");
      return change(backfillId, { case: "pause", value: action === BackfillAction.PAUSE }, context);
    },

    async cancelBackfill({ backfillId, cancelRuns }, context) {
      return change(backfillId, { case: "cancel", value: { cancelRuns } }, context);
    },

    async listBackfillRuns(request) {
      const page = readPage(request);
      const { backfillId } = await requireBackfill(backfills, request.backfillId);
      const found = await backfills.listRuns(page, backfillId);
      return {
        dagRuns: found.items.map(toRunMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },
  };
}

async function requireBackfill(backfills: BackfillServiceDeps["backfills"], backfillId: string): Promise<BackfillView> {
  if (backfillId === "") throw invalidField("backfill_id", "is missing; name a backfill");
  const found = await backfills.get(backfillId);
  if (found !== null) return found;
  throw new AppError("BACKFILL_NOT_FOUND", `no backfill ${backfillId}; list them with \`millrace backfill list\``, {
    details: { backfill_id: backfillId },
  });
}
