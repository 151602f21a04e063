import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { type SensorEventSchema, type SensorSchema, SensorState } from "#gen/millrace/v1/sensor_service_pb.js";
import type { SensorEventView, SensorView } from "#ports/sensor-views.ts";
import { timeOrAbsent } from "../optional-fields.ts";

/** A sensor as the API shows it. */
export function toSensorMessage(
  view: SensorView,
  events: readonly SensorEventView[] = [],
): MessageInitShape<typeof SensorSchema> {
  const definition = view.definition as SensorDefinition;
  return {
    dagId: view.dagId,
    sensorId: view.sensorId,
    type: definition.type,
    state: stateOf(view),
    isPaused: view.isPaused,
    isDagPaused: view.isDagPaused,
    target: targetOf(definition),
    pollIntervalMs: BigInt(definition.pollIntervalMs),
    slowdown: view.factor,
    lastPoll: timeOrAbsent(view.lastPolledAt),
    nextPoll: timestampFromMs(view.nextPollAt),
    lastEvent: timeOrAbsent(view.lastEventAt),
    error: view.error,
    errorSince: timeOrAbsent(view.errorSince),
    itemCount: BigInt(view.itemCount),
    events: events.map(toSensorEventMessage),
  };
}

export function toSensorEventMessage(event: SensorEventView): MessageInitShape<typeof SensorEventSchema> {
  return {
    eventId: BigInt(event.eventKey),
    timestamp: timestampFromMs(event.createdAt),
    subject: event.subject,
    data: event.data as JsonObject,
    dagRunId: event.runId ?? "",
    reason: event.reason,
  };
}

function stateOf({ isPaused, isDagPaused, error, hasBaseline }: SensorView): SensorState {
  if (isPaused || isDagPaused) return SensorState.PAUSED;
  if (error !== "") return SensorState.FAILING;
  return hasBaseline ? SensorState.ACTIVE : SensorState.NEW;
}

/** What it watches, without what opens it. */
function targetOf(sensor: SensorDefinition): string {
  switch (sensor.type) {
    case "file":
      return `${sensor.directory.replace(/\/+$/, "")}/${sensor.pattern}`;
    case "sql":
      return `${sensor.mode} of ${"name" in sensor.connection ? sensor.connection.name : "a connection string"}`;
    case "http":
      return `${sensor.method} ${sensor.url}`;
    case "s3":
      return `s3://${sensor.bucket}/${sensor.prefix}`;
    case "dag":
      return `${sensor.states.join(", ")} of ${sensor.dagId}`;
    case "kafka":
      return sensor.connection === null ? sensor.topic : `${sensor.topic} of ${sensor.connection}`;
  }
}
