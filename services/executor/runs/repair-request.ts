import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import { type RepairRunRequest, RepairRunRequestSchema } from "#gen/millrace/v1/executor_service_pb.js";
import { type RepairPlan, RepairPlanSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { Store } from "#ports/store.ts";
import { hashMessage } from "#rpc/hash-message.ts";
import { maxRequestIdLength } from "#rpc/wire-limits.ts";
import { refusedRepair } from "./refused-repair.ts";

/** What tells a repair from its repeat, and what it was answered (G6). */
export interface NamedRepair {
  /** The answer that the same request had; null: none. Throws IDEMPOTENCY_CONFLICT where it was another request. */
  findAnswer(): Promise<RepairPlan | null>;
  /** What is to be kept, to be written with the repair. */
  toKept(plan: MessageInitShape<typeof RepairPlanSchema>): KeptAnswer;
  /**
   * Keeps that there was nothing to do, and throws it as the refusal that it is; answers what the same request was answered
   * elsewhere meanwhile. Throws IDEMPOTENCY_CONFLICT where it was another request.
   */
  keepRefusal(): Promise<RepairPlan>;
}

/** Kept in the place of a plan where there was nothing to do: what a repeat finds to do later is not to be done after all. */
const refusalText = JSON.stringify({ refused: "nothing_to_do" });

const leftOut: ReadonlySet<string> = new Set(["requestId"]);

/** Null: the request has no id, or plans and changes nothing. Throws INVALID_ARGUMENT. */
export function nameRepair(store: Store, request: RepairRunRequest): NamedRepair | null {
  const { caller, requestId: id, dagRunId: runId } = request;
  if (id.length > maxRequestIdLength)
    throw new AppError("INVALID_ARGUMENT", `request_id has more than ${maxRequestIdLength} characters; shorten it`, {
      details: { field: "request_id" },
    });
  if (id === "" || request.plan) return null;
  const bodyHash = hashMessage(RepairRunRequestSchema, request, leftOut);
  const read = ({ bodyHash: kept, answer }: KeptAnswer): RepairPlan => {
    if (kept !== bodyHash || answer === null)
      throw new AppError("IDEMPOTENCY_CONFLICT", `request id ${id} was used for another request`, {
        details: { request_id: id },
      });
    if (answer === refusalText) throw refusedRepair("nothing_to_do", runId);
    return fromJsonString(RepairPlanSchema, answer, { ignoreUnknownFields: true });
  };
  const name = { caller, id, bodyHash, runId };
  return {
    async findAnswer() {
      const found = await store.runs.findAnswer({ caller, id });
      return found === null ? null : read(found);
    },
    toKept: (plan) => ({ ...name, answer: toJsonString(RepairPlanSchema, create(RepairPlanSchema, plan)) }),
    keepRefusal: async () => read(await store.runs.keepAnswer({ ...name, answer: refusalText })),
  };
}
