import { AppError } from "#errors/app-error.ts";
import { type Backfill, BackfillAction, BackfillSchema } from "#gen/millrace/v1/backfill_service_pb.js";
import { type DagRun, DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { followBackfill } from "../client/follow-backfill.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import type { ClientFlags } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderBackfill, renderBackfills } from "../rendering/backfill-view.ts";
import { renderRuns } from "../rendering/run-list.ts";
import { writeResult } from "../write-result.ts";

export interface ListBackfillsFlags extends ClientFlags {
  readonly dag?: string;
  readonly state?: string;
  readonly limit: number;
}

export interface ShowBackfillFlags extends ClientFlags {
  readonly runs?: boolean;
  readonly follow?: boolean;
}

export interface CancelBackfillFlags extends ClientFlags {
  readonly cancelRuns?: boolean;
}

/** Runs of a backfill that are shown at most. */
const mostRuns = 100_000;

export async function listBackfills(flags: ListBackfillsFlags, context: CliContext): Promise<void> {
  const terms = [
    ...(flags.dag === undefined ? [] : [`dag_id:${flags.dag}`]),
    ...(flags.state === undefined ? [] : [`state:${flags.state}`]),
  ];
  const backfills = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.backfills.listBackfills({ filter: terms.join(" "), ...page });
      return { items: answer.backfills, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => backfills.map((backfill) => messageToJson(BackfillSchema, backfill)),
    lines: (options) =>
      backfills.length === 0
        ? ["no backfills; create one with `millrace backfill create DAG --from DAY --to DAY`"]
        : renderBackfills(backfills, options),
  });
}

export async function showBackfill(backfillId: string, flags: ShowBackfillFlags, context: CliContext): Promise<void> {
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const found = required(backfillId, (await gateway.backfills.getBackfill({ backfillId })).backfill);
    const isVisible = flags.output === "table";
    const backfill = flags.follow === true ? await followBackfill(gateway, found, { context, isVisible }) : found;
    const runs = flags.runs === true ? await readRuns(gateway, backfillId) : [];
    await writeResult(context, {
      format: flags.output,
      json: () => ({
        ...(messageToJson(BackfillSchema, backfill) as object),
        ...(flags.runs === true ? { dag_runs: runs.map((run) => messageToJson(DagRunSchema, run)) } : {}),
      }),
      lines: (options) => [
        ...renderBackfill(backfill, context.now(), options),
        ...(runs.length === 0 ? [] : ["", ...renderRuns(runs, options)]),
      ],
    });
  });
}

/** Pauses, resumes or cancels a backfill and shows what it is now. */
export async function changeBackfill(
  backfillId: string,
  options: {
    readonly kind: "pause" | "resume" | "cancel";
    readonly flags: CancelBackfillFlags;
    readonly context: CliContext;
  },
): Promise<void> {
  const { kind, flags, context } = options;
  const changed = await withGateway({ flags: { ...flags }, context }, async ({ backfills }) => {
    if (kind === "cancel") return backfills.cancelBackfill({ backfillId, cancelRuns: flags.cancelRuns === true });
    const action = kind === "pause" ? BackfillAction.PAUSE : BackfillAction.RESUME;
    return backfills.updateBackfill({ backfillId, action });
  });
  const backfill = required(backfillId, changed.backfill);
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(BackfillSchema, backfill),
    lines: (view) => renderBackfill(backfill, context.now(), view),
  });
}

function readRuns(gateway: GatewayClient, backfillId: string): Promise<readonly DagRun[]> {
  return readPages(mostRuns, async (page) => {
    const answer = await gateway.backfills.listBackfillRuns({ backfillId, ...page });
    return { items: answer.dagRuns, nextCursor: answer.nextCursor };
  });
}

function required(backfillId: string, backfill: Backfill | undefined): Backfill {
  if (backfill === undefined) throw new AppError("BACKFILL_NOT_FOUND", `there is no backfill ${backfillId}`);
  return backfill;
}
