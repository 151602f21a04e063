import { type TriggerDagRunRequest, TriggerDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";
import { hashMessage } from "#rpc/hash-message.ts";

/** Parts of a trigger that don't say what is to be made: the id itself, and how the caller waits. */
const leftOutOfTriggers: ReadonlySet<string> = new Set(["requestId", "wait"]);

/** SHA-256, hex, of what a trigger asks for. */
export function hashRequest(trigger: TriggerDagRunRequest): string {
  return hashMessage(TriggerDagRunRequestSchema, trigger, leftOutOfTriggers);
}
