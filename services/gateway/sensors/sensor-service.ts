import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type HandlerContext, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { type ChangeSensorRequestSchema, SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import { SensorAction, type SensorService } from "#gen/millrace/v1/sensor_service_pb.js";
import type { Queries } from "#ports/queries.ts";
import type { SensorStore } from "#ports/sensor-store.ts";
import type { SensorView } from "#ports/sensor-views.ts";
import { requireDag } from "../dags/dag-service.ts";
import { parseFilter, readSingle, readWords } from "../filter.ts";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import { toSensorEventMessage, toSensorMessage } from "./sensor-message.ts";

const sensorTypes = ["file", "sql", "http", "s3", "dag"] as const;
const flagWords = ["true", "false"] as const;

/** Events that come with a sensor. */
const shownEvents = 10;

export interface SensorServiceDeps {
  readonly sensors: Pick<SensorStore, "get" | "list" | "listEvents">;
  readonly queries: Queries;
  readonly scheduler: Transport;
}

interface SensorName {
  readonly dagId: string;
  readonly sensorId: string;
}

type SensorChange = NonNullable<MessageInitShape<typeof ChangeSensorRequestSchema>["change"]>;

/** Handles SensorService: reads from the store, changes through a scheduler. */
export function createSensorService(deps: SensorServiceDeps): ServiceImpl<typeof SensorService> {
  const { sensors, queries } = deps;
  const scheduler = createClient(SchedulerService, deps.scheduler);
  const read = async (name: SensorName) => {
    const view = await requireSensor(deps, name);
    const events = await sensors.listEvents({ limit: shownEvents, cursor: null, sort: null }, name);
    return toSensorMessage(view, events.items);
  };
  const change = async (name: SensorName, asked: SensorChange, context: HandlerContext) => {
    await requireSensor(deps, name);
    const { dagId, sensorId } = name;
    await scheduler.changeSensor({ dagId, sensorId, caller: anonymousCaller, change: asked }, forwardOptions(context));
    return { sensor: await read(name) };
  };
  return {
    async listSensors(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["dag_id", "type", "failing"], text: false });
      const dagId = readSingle(filter, "dag_id");
      const [type = null] = readWords("type", asList(readSingle(filter, "type")), sensorTypes);
      const [failing] = readWords("failing", asList(readSingle(filter, "failing")), flagWords);
      const hasError = failing === undefined ? null : failing === "true";
      const found = await sensors.list(page, { dagId, type, hasError });
      if (found.totalCount === 0 && dagId !== null) await requireDag(queries, dagId);
      return {
        sensors: found.items.map((view) => toSensorMessage(view)),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getSensor(name) {
      return { sensor: await read(name) };
    },

    updateSensor(request, context) {
      if (request.action === SensorAction.UNSPECIFIED) throw invalidField("action", "is missing; say pause or resume");
      return change(request, { case: "pause", value: request.action === SensorAction.PAUSE }, context);
    },

    async listSensorEvents(request) {
      const page = readPage(request);
      const { dagId, sensorId } = request;
      await requireSensor(deps, { dagId, sensorId });
      const found = await sensors.listEvents(page, { dagId, sensorId });
      return {
        events: found.items.map(toSensorEventMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    pollSensor: (name, context) => change(name, { case: "poll", value: true }, context),
  };
}

function asList(value: string | null): readonly string[] {
  return value === null ? [] : [value];
}

async function requireSensor(
  { sensors, queries }: SensorServiceDeps,
  { dagId, sensorId }: SensorName,
): Promise<SensorView> {
  if (dagId === "") throw invalidField("dag_id", "is missing; name a DAG");
  if (sensorId === "") throw invalidField("sensor_id", "is missing; name a sensor");
  const found = await sensors.get(dagId, sensorId);
  if (found !== null) return found;
  await requireDag(queries, dagId);
  throw new AppError(
    "SENSOR_NOT_FOUND",
    `DAG ${dagId} has no sensor ${sensorId}; list them with \`millrace sensors\``,
    {
      details: { dag_id: dagId, sensor_id: sensorId },
    },
  );
}
