import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import {
  type Backfill,
  BackfillOrder,
  type BackfillPreview,
  BackfillPreviewSchema,
  BackfillSchema,
  BackfillSelection,
  type CreateBackfillRequestSchema,
} from "#gen/millrace/v1/backfill_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { followBackfill } from "../client/follow-backfill.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { readGivenParameters } from "../client/read-given-parameters.ts";
import type { ClientFlags } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderBackfill, renderPreview } from "../rendering/backfill-view.ts";
import { writeResult } from "../write-result.ts";

export interface CreateBackfillFlags extends ClientFlags {
  readonly from: string;
  readonly to: string;
  readonly selection: "missing" | "failed" | "all";
  readonly order: "oldest" | "newest";
  readonly maxActive: number;
  readonly priority: number;
  readonly param: readonly string[];
  readonly note: string;
  readonly dryRun?: boolean;
  readonly limit: number;
  readonly idempotencyKey?: string;
  readonly follow?: boolean;
}

type Request = MessageInitShape<typeof CreateBackfillRequestSchema>;

const selections = {
  missing: BackfillSelection.MISSING,
  failed: BackfillSelection.FAILED,
  all: BackfillSelection.ALL,
} as const;

/** Creates a backfill, or with `--dry-run` prints what it would do. */
export async function createBackfill(dagId: string, flags: CreateBackfillFlags, context: CliContext): Promise<void> {
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const request: Request = {
      dagId,
      from: flags.from,
      to: flags.to,
      selection: selections[flags.selection],
      order: flags.order === "newest" ? BackfillOrder.NEWEST : BackfillOrder.OLDEST,
      maxActiveRuns: flags.maxActive,
      priorityOffset: flags.priority,
      parameters: await readGivenParameters(gateway, dagId, flags.param),
      note: flags.note,
    };
    if (flags.dryRun === true) return preview(gateway, request, { flags, context });
    // Without a key of the caller's, one of our own: what the transport sends twice stays one backfill.
    const made = await gateway.backfills.createBackfill({
      ...request,
      requestId: flags.idempotencyKey ?? randomUUID(),
    });
    if (made.backfill === undefined) throw new AppError("INTERNAL", "the server's answer has no backfill");
    if (made.repeatedRequest) context.terminal.writeError("this key was used before: the same backfill\n");
    const isVisible = flags.output === "table";
    const shown =
      flags.follow === true ? await followBackfill(gateway, made.backfill, { context, isVisible }) : made.backfill;
    await writeBackfill(shown, { flags, context });
  });
}

/** Prints a backfill with what can be done next. */
async function writeBackfill(
  backfill: Backfill,
  { flags, context }: { flags: CreateBackfillFlags; context: CliContext },
): Promise<void> {
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(BackfillSchema, backfill),
    lines: (options) => [
      ...renderBackfill(backfill, context.now(), options),
      ...(flags.follow === true
        ? []
        : [options.paint("gray", `  millrace backfill show ${backfill.backfillId} --follow`)]),
    ],
  });
}

async function preview(
  gateway: GatewayClient,
  request: Request,
  { flags, context }: { flags: CreateBackfillFlags; context: CliContext },
): Promise<void> {
  let sums: BackfillPreview | undefined;
  const slots = await readPages(flags.limit, async (page) => {
    const answer = await gateway.backfills.createBackfill({ ...request, dryRun: true, ...page });
    sums = answer.preview;
    return { items: answer.preview?.slots ?? [], nextCursor: answer.preview?.nextCursor ?? "" };
  });
  if (sums === undefined) throw new AppError("INTERNAL", "the server's answer has no preview");
  const all = { ...sums, slots: [...slots] };
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(BackfillPreviewSchema, all),
    lines: (options) => renderPreview(all, options),
  });
}
