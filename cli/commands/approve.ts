import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import { ApprovalDecision } from "#gen/millrace/v1/approval_service_pb.js";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { type DeclaredParameters, parseParameterFlags } from "../parameter-flags.ts";
import { writeResult } from "../write-result.ts";

interface ApproveFlags extends ClientFlags {
  readonly reject?: boolean;
  readonly answer: readonly string[];
  readonly comment: string;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Answer a question that a task waits with: approve it, or reject it. An answer can be given once.")
    .argument("<id>", "id of the task instance, as `millrace approvals` shows it")
    .option("--reject", "reject instead of approving")
    .addOption(
      new Option("-a, --answer <name=value>", "a field of the form, read by its type; may be repeated")
        .argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value])
        .default([], "none"),
    )
    .option("--comment <text>", "kept with the answer, as the output `comment`", "")
    .action((id: string, flags: ApproveFlags) => approve(id, flags, context));
  withExamples(command, [
    ["millrace approve RUN__ask -a region=eu --comment 'looks good'", "approve, with an answer"],
    ["millrace approve RUN__ask --reject --comment 'too early'", "reject"],
  ]);
}

async function approve(id: string, flags: ApproveFlags, context: CliContext): Promise<void> {
  const decision = flags.reject === true ? ApprovalDecision.REJECT : ApprovalDecision.APPROVE;
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const answers = await readAnswers(gateway, id, flags.answer);
    await gateway.approvals.answerApproval({ taskInstanceId: id, decision, answers, comment: flags.comment });
  });
  const word = decision === ApprovalDecision.REJECT ? "rejected" : "approved";
  await writeResult(context, {
    format: flags.output,
    json: () => ({ task_instance_id: id, decision: flags.reject === true ? "reject" : "approve" }),
    lines: () => [`${word} ${id}`],
  });
}

async function readAnswers(gateway: GatewayClient, id: string, flags: readonly string[]): Promise<JsonObject> {
  if (flags.length === 0) return {};
  const { approval } = await gateway.approvals.getApproval({ taskInstanceId: id });
  return parseParameterFlags(flags, (approval?.form ?? {}) as unknown as DeclaredParameters) as JsonObject;
}
