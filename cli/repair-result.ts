import { AppError } from "#errors/app-error.ts";
import { type RepairPlan, RepairPlanSchema } from "#gen/millrace/v1/task_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import type { ClientFlags } from "./command-flags.ts";
import type { CliContext } from "./context.ts";
import { renderRepair } from "./rendering/repair-view.ts";
import { writeResult } from "./write-result.ts";

export function requireRepair(repair: RepairPlan | undefined): RepairPlan {
  if (repair === undefined) throw new AppError("INTERNAL", "the server's answer has no plan");
  return repair;
}

/** Prints what a rerun, clear or mark did, or with `--plan` would do. */
export async function writeRepair(
  repair: RepairPlan,
  { flags, context }: { flags: ClientFlags & { readonly plan?: boolean }; context: CliContext },
): Promise<void> {
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(RepairPlanSchema, repair),
    lines: (options) => [
      ...renderRepair(repair, { isPlanned: flags.plan === true, ...options }),
      ...(flags.plan === true ? [] : [options.paint("gray", `  millrace show ${repair.dagRunId}`)]),
    ],
  });
}
