import { fromJson, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { XcomSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { OutputView } from "#ports/run-views.ts";

/** Outputs may be nested as deep as their writer likes; what is deeper is shown as text. */
const valueOptions = { recursionLimit: 300 };

/** An output as the API shows it. */
export function toXcomMessage(view: OutputView): MessageInitShape<typeof XcomSchema> {
  const value = JSON.parse(view.json) as JsonValue;
  return {
    dagRunId: view.runId,
    taskId: view.taskId,
    mapIndex: view.mapIndex ?? undefined,
    key: view.key,
    value: fromJson(ValueSchema, value, valueOptions),
    timestamp: timestampFromMs(view.at),
    dataType: dataTypeOf(value),
    size: BigInt(Buffer.byteLength(view.json)),
  };
}

/** The outputs of one instance by key. */
export function toXcomValues(views: readonly OutputView[]): JsonObject {
  return Object.fromEntries(views.map((view) => [view.key, JSON.parse(view.json) as JsonValue]));
}

function dataTypeOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
