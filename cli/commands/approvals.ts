import type { Command } from "commander";
import { ApprovalSchema } from "#gen/millrace/v1/approval_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderApprovals } from "../rendering/approval-list.ts";
import { writeResult } from "../write-result.ts";

interface ApprovalsFlags extends ClientFlags {
  readonly dag?: string;
  readonly assignee?: string;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("List the questions of tasks that wait for people, oldest first, with the fields of their forms.")
    .option("--dag <dag>", "only questions of this DAG")
    .option("--assignee <name>", "only questions for this person")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action((flags: ApprovalsFlags) => listApprovals(flags, context));
  withExamples(command, [
    ["millrace approvals", "what waits for an answer"],
    ["millrace approvals --assignee ada --output json", "with the whole form"],
  ]);
}

async function listApprovals(flags: ApprovalsFlags, context: CliContext): Promise<void> {
  const filter = { dagId: flags.dag ?? "", assignee: flags.assignee ?? "" };
  const found = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const { approvals, nextCursor } = await gateway.approvals.listApprovals({ ...filter, ...page });
      return { items: approvals, nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => found.map((approval) => messageToJson(ApprovalSchema, approval)),
    lines: (options) =>
      found.length === 0 ? ["nothing waits for an answer"] : renderApprovals(found, { now: context.now(), ...options }),
  });
}
