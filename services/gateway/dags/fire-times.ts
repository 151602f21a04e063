import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Definition } from "#definition/model.ts";
import {
  FireNote as ProtoFireNote,
  type ListFireTimesRequest,
  type ListFireTimesResponseSchema,
} from "#gen/millrace/v1/dag_service_pb.js";
import type { DagView } from "#ports/dag-views.ts";
import type { FireNote } from "#schedule/fire-time.ts";
import { nextFireTimes } from "#schedule/next-fire-times.ts";
import { openSchedule } from "#schedule/schedule.ts";
import { formatWallTime } from "#schedule/zone.ts";
import { invalidField } from "../list-request.ts";

const defaultLimit = 10;
const maxLimit = 1000;

const notes: Readonly<Record<FireNote, ProtoFireNote>> = {
  gap: ProtoFireNote.GAP,
  overlap: ProtoFireNote.OVERLAP,
  clamped: ProtoFireNote.CLAMPED,
};

/** What the schedule of a definition in force says, from a time on, whether the definition is paused or not. */
export function listFireTimes(
  view: DagView,
  request: Pick<ListFireTimesRequest, "limit" | "from">,
  now: number,
): MessageInitShape<typeof ListFireTimesResponseSchema> {
  const { limit } = request;
  if (limit < 0 || limit > maxLimit) throw invalidField("limit", `must be 1 to ${maxLimit}, not ${limit}`);
  const from = request.from === undefined ? now : timestampMs(request.from);
  const { schedule: spec } = view.definition as Definition;
  const facts = {
    dagId: view.dagId,
    scheduleInterval: view.scheduleText,
    timezone: view.timezone,
    isPaused: view.isPaused,
  };
  if (spec === null || !view.isActive) return { ...facts, fireTimes: [] };
  const schedule = openSchedule(spec, null);
  const times = nextFireTimes(schedule, from - 1, limit === 0 ? defaultLimit : limit);
  const fireTimes = times.map(({ at, note }) => ({
    at: timestampFromMs(at),
    local: formatWallTime(at, schedule.zone),
    note: note === null ? ProtoFireNote.UNSPECIFIED : notes[note],
  }));
  return { ...facts, fireTimes };
}
