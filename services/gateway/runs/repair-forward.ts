import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type HandlerContext, type Transport } from "@connectrpc/connect";
import {
  ExecutorService,
  type RepairRunRequestSchema,
  type RerunActionSchema,
  RerunFrom,
} from "#gen/millrace/v1/executor_service_pb.js";
import { type RepairPlan, TaskState } from "#gen/millrace/v1/task_service_pb.js";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField } from "../list-request.ts";

/** Longer notes are refused: they are part of events. */
const maxNoteLength = 1_000;

type RepairAction = NonNullable<MessageInitShape<typeof RepairRunRequestSchema>["action"]>;

/** Asks an executor for a rerun, clear or mark. */
export type ForwardRepair = (
  asked: {
    readonly dagRunId: string;
    readonly plan: boolean;
    readonly note: string;
    readonly requestId: string;
    readonly action: RepairAction;
  },
  context: HandlerContext,
) => Promise<RepairPlan | undefined>;

export function createRepairForward(executor: Transport): ForwardRepair {
  const client: Client<typeof ExecutorService> = createClient(ExecutorService, executor);
  return async (asked, context) => {
    if (asked.note.length > maxNoteLength) throw invalidField("note", `is longer than ${maxNoteLength} characters`);
    const { repair } = await client.repairRun({ ...asked, caller: anonymousCaller }, forwardOptions(context));
    return repair;
  };
}

/** Reads `"failed"`, `"all"` or a list of task ids; absent: `"failed"`. */
export function readRerunFrom(
  from: Value | undefined,
): Pick<MessageInitShape<typeof RerunActionSchema>, "from" | "taskIds"> {
  const kind = from?.kind;
  if (kind === undefined || kind.case === undefined || kind.case === "nullValue") return { from: RerunFrom.FAILED };
  if (kind.case === "stringValue" && kind.value === "failed") return { from: RerunFrom.FAILED };
  if (kind.case === "stringValue" && kind.value === "all") return { from: RerunFrom.ALL };
  const taskIds = kind.case === "listValue" ? kind.value.values.map((value) => textOf(value)) : [];
  if (taskIds.length === 0 || taskIds.includes(null))
    throw invalidField("from", 'must be "failed", "all" or a list of task ids');
  return { from: RerunFrom.TASKS, taskIds: taskIds.filter((id) => id !== null) };
}

/** The state of a mark; refuses all that can't be set by hand. */
export function readMarkState(state: TaskState): TaskState {
  const isPossible = state === TaskState.SUCCESS || state === TaskState.FAILED || state === TaskState.SKIPPED;
  if (!isPossible) throw invalidField("state", "must be success, failed or skipped");
  return state;
}

function textOf({ kind }: Value): string | null {
  return kind.case === "stringValue" && kind.value !== "" ? kind.value : null;
}
