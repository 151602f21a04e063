import type { MessageShape } from "@bufbuild/protobuf";
import { formatInstanceId } from "#core/instance-id.ts";
import type { ExplainDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";
import type { ExplainAbout, ExplainPlace } from "#ports/explanation-facts.ts";
import { invalidField } from "../list-request.ts";

/** Task instances that one answer explains at most. */
const maxExplained = 100;

const place = /^(\d)\.(\d{1,9})$/;

/** What a request asks about a run; throws INVALID_ARGUMENT. */
export function readExplainRequest(
  runId: string,
  { cursor, taskInstanceIds }: Pick<MessageShape<typeof ExplainDagRunRequestSchema>, "cursor" | "taskInstanceIds">,
): ExplainAbout {
  if (taskInstanceIds.length > maxExplained)
    throw invalidField("task_instance_ids", `has more than ${maxExplained} ids; ask for the others by themselves`);
  const ofRun = formatInstanceId(runId, "", null);
  const stranger = taskInstanceIds.find((id) => !id.startsWith(ofRun));
  if (stranger !== undefined)
    throw invalidField("task_instance_ids", `has ${stranger.slice(0, 200)}, which is not of run ${runId}`);
  return {
    ordinal: null,
    limit: maxExplained,
    ...(taskInstanceIds.length === 0 ? {} : { instanceIds: taskInstanceIds }),
    ...(cursor === "" ? {} : { after: readPlace(cursor) }),
  };
}

export function formatPlace({ distance, ordinal }: ExplainPlace): string {
  return `${distance}.${ordinal}`;
}

function readPlace(cursor: string): ExplainPlace {
  const [, distance, ordinal] = place.exec(cursor) ?? [];
  if (distance === undefined || ordinal === undefined)
    throw invalidField("cursor", "is not from an explanation; begin without one");
  return { distance: Number(distance), ordinal: Number(ordinal) };
}
