import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Definition, ParameterDefinition } from "#definition/model.ts";
import {
  type DagSchema,
  DropReason as ProtoDropReason,
  type ImportErrorSchema,
  type ProblemSchema,
  RegistrationState,
} from "#gen/millrace/v1/dag_service_pb.js";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { DropReason } from "#ports/schedule-store.ts";
import type { DagView, ImportErrorView } from "#ports/dag-views.ts";
import { runStateToProto } from "#rpc/run-state-to-proto.ts";
import { formatDuration } from "../duration-text.ts";
import { integerOrAbsent, timeOrAbsent } from "../optional-fields.ts";

/** A definition as the API shows it. */
export function toDagMessage(view: DagView): MessageInitShape<typeof DagSchema> {
  const definition = view.definition as Definition;
  return {
    dagId: view.dagId,
    description: view.description,
    scheduleInterval: view.scheduleText,
    timezone: view.timezone,
    isActive: view.isActive,
    isPaused: view.isPaused,
    tags: [...view.tags],
    owner: view.owner,
    version: view.version,
    filePath: view.filePath ?? "",
    fileHash: view.fileHash,
    registration: {
      state: registrationStateOf(view),
      since: timestampFromMs(view.registeredAt),
      file: view.filePath ?? "",
      errors: view.problems.map(toProblemMessage),
    },
    lastRun: toLastRun(view.lastRun),
    nextRun: timeOrAbsent(view.nextAt),
    tasks: definition.tasks.map((task) => ({
      id: task.id,
      type: task.type,
      dependencies: task.dependencies.map((dependency) => dependency.task),
      triggerRule: task.triggerRule,
      description: task.description,
    })),
    parameters: toParametersJson(definition.parameters),
    droppedSlots: toDroppedSlots(view.droppedSlots),
  };
}

/** A broken file as the API shows it. */
export function toImportErrorMessage(view: ImportErrorView): MessageInitShape<typeof ImportErrorSchema> {
  return {
    filePath: view.filePath,
    registration: {
      state: RegistrationState.FAILED,
      since: timestampFromMs(view.since),
      file: view.filePath,
      errors: view.problems.map(toProblemMessage),
    },
  };
}

function toProblemMessage(problem: StoredProblem): MessageInitShape<typeof ProblemSchema> {
  const { file, line, column, code, message, hint, warning } = problem;
  return { file, line, column, code, message, hint, warning };
}

function registrationStateOf(view: DagView): RegistrationState {
  if (!view.isActive) return RegistrationState.ARCHIVED;
  return view.problems.some((problem) => !problem.warning) ? RegistrationState.FAILED : RegistrationState.ACTIVE;
}

function toLastRun(run: DagView["lastRun"]): MessageInitShape<typeof DagSchema>["lastRun"] {
  if (run === null) return undefined;
  return {
    dagRunId: run.runId,
    executionDate: timestampFromMs(run.logicalAt),
    state: runStateToProto[run.state],
    durationMs: integerOrAbsent(run.durationMs),
    duration: run.durationMs === null ? "" : formatDuration(run.durationMs),
  };
}

const dropReasons: Readonly<Record<DropReason, ProtoDropReason>> = {
  missed: ProtoDropReason.MISSED,
  limit: ProtoDropReason.LIMIT,
  overlap: ProtoDropReason.OVERLAP,
};

function toDroppedSlots(dropped: DagView["droppedSlots"]): MessageInitShape<typeof DagSchema>["droppedSlots"] {
  if (dropped === null) return undefined;
  return {
    from: timestampFromMs(dropped.from),
    to: timestampFromMs(dropped.to),
    count: BigInt(dropped.count),
    reason: dropReasons[dropped.reason],
    at: timestampFromMs(dropped.at),
    totalCount: BigInt(dropped.totalCount),
  };
}

/** Parameters under the names that they have in a definition. */
export function toParametersJson(parameters: Definition["parameters"]): JsonObject {
  const entries = Object.entries(parameters).map(([name, parameter]) => [name, toParameterJson(parameter)]);
  return Object.fromEntries(entries) as JsonObject;
}

function toParameterJson({ minLength, maxLength, ...parameter }: ParameterDefinition): JsonObject {
  const lengths = {
    ...(minLength === undefined ? {} : { min_length: minLength }),
    ...(maxLength === undefined ? {} : { max_length: maxLength }),
  };
  return { ...parameter, ...lengths } as object as JsonObject;
}
