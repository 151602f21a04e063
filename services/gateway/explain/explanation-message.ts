import type { MessageInitShape } from "@bufbuild/protobuf";
import { formatInstanceId } from "#core/instance-id.ts";
import type { ExplanationSchema, WaitReasonSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { ExplainedInstance } from "#ports/explanation-facts.ts";
import { taskStateToProto } from "#rpc/task-state-to-proto.ts";
import { formatPlace } from "./explain-request.ts";
import { explainWait, summarizeRun, type WaitFacts } from "./explain-wait.ts";

/** Why a run waits, or what was asked for of it, as the API says it. */
export function toRunExplanation(facts: WaitFacts, isWhole: boolean): MessageInitShape<typeof ExplanationSchema> {
  return {
    dagRunId: facts.run.runId,
    summary: isWhole ? summarizeRun(facts) : "",
    reasons: facts.instances.flatMap((instance) => toReasons(instance, facts)),
    more: BigInt(facts.unfinishedCount - facts.instances.length),
    nextCursor: facts.next === null ? "" : formatPlace(facts.next),
  };
}

/** Why one task instance waits; its first cause is the summary. */
export function toInstanceExplanation(
  instance: ExplainedInstance,
  facts: WaitFacts,
): MessageInitShape<typeof ExplanationSchema> {
  const reasons = toReasons(instance, facts);
  const { runId } = facts.run;
  const id = formatInstanceId(runId, instance.taskId, instance.itemKey);
  return { dagRunId: runId, id, summary: reasons[0]?.text ?? "", reasons };
}

function toReasons(instance: ExplainedInstance, facts: WaitFacts): MessageInitShape<typeof WaitReasonSchema>[] {
  const { taskId, itemKey, mapIndex } = instance;
  return explainWait(instance, facts).map(({ code, text, heldBy = [] }) => ({
    id: formatInstanceId(facts.run.runId, taskId, itemKey),
    taskId,
    mapIndex: mapIndex ?? undefined,
    state: taskStateToProto[instance.state],
    code,
    text,
    heldBy: heldBy.map((holder) => ({
      dagRunId: holder.runId,
      taskId: holder.taskId ?? "",
      mapIndex: holder.mapIndex ?? undefined,
      text: holder.text,
    })),
  }));
}
