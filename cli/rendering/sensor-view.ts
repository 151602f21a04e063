import { type Sensor, type SensorEvent, SensorState } from "#gen/millrace/v1/sensor_service_pb.js";
import type { Color, Paint } from "./paint.ts";
import { timestampMillis } from "./proto-words.ts";
import { type Cell, renderTable } from "./table.ts";
import { durationText, instantText } from "./time-text.ts";

interface ViewOptions {
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  readonly paint: Paint;
  readonly width: number | null;
}

const states: Readonly<Record<SensorState, readonly [text: string, color: Color]>> = {
  [SensorState.UNSPECIFIED]: ["?", "gray"],
  [SensorState.NEW]: ["○ new", "blue"],
  [SensorState.ACTIVE]: ["● active", "green"],
  [SensorState.FAILING]: ["✗ failing", "red"],
  [SensorState.PAUSED]: ["■ paused", "gray"],
};

/** Sensors as a table, in the order given. */
export function renderSensors(sensors: readonly Sensor[], { now, ...options }: ViewOptions): readonly string[] {
  return renderTable({
    columns: [
      { title: "DAG", flexible: true },
      { title: "SENSOR", flexible: true },
      { title: "TYPE" },
      { title: "STATE" },
      { title: "WATCHES", flexible: true },
      { title: "POLLED", align: "right" },
      { title: "LAST EVENT", align: "right" },
      { title: "ERROR", flexible: true },
    ],
    rows: sensors.map((sensor): readonly Cell[] => [
      { text: sensor.dagId },
      { text: sensor.sensorId },
      { text: sensor.type },
      stateCell(sensor),
      { text: sensor.target },
      { text: ago(timestampMillis(sensor.lastPoll), now) },
      { text: ago(timestampMillis(sensor.lastEvent), now) },
      { text: sensor.error, color: "red" },
    ]),
    ...options,
  });
}

/** One sensor: facts and its last events. */
export function renderSensor(sensor: Sensor, options: ViewOptions): readonly string[] {
  const { now, paint } = options;
  const interval = Number(sensor.pollIntervalMs);
  const slower = sensor.slowdown > 1 ? `, now ${durationText(interval * sensor.slowdown)}` : "";
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["type", sensor.type],
    ["watches", sensor.target],
    ["interval", `${durationText(interval)}${slower}`],
    ["polled", ago(timestampMillis(sensor.lastPoll), now)],
    ["next", nextText(sensor, now)],
    ["remembers", `${sensor.itemCount} item(s)`],
    ["error", sensor.error],
    ["since", sensor.error === "" ? "" : ago(timestampMillis(sensor.errorSince), now)],
  ];
  const { text, color } = stateCell(sensor);
  return [
    `${paint("plain", `${sensor.dagId}/${sensor.sensorId}`, "bold")}  ${paint(color ?? "plain", text)}`,
    ...facts.filter(([, value]) => value !== "").map(([name, value]) => `${paint("gray", name.padEnd(11))}${value}`),
    ...(sensor.events.length === 0 ? [] : ["", ...renderSensorEvents(sensor.events, options)]),
  ];
}

/** Events as a table, in the order given. */
export function renderSensorEvents(
  events: readonly SensorEvent[],
  options: Omit<ViewOptions, "now">,
): readonly string[] {
  return renderTable({
    columns: [{ title: "EVENT" }, { title: "SUBJECT", flexible: true }, { title: "RUN", flexible: true }],
    rows: events.map((event) => [
      { text: instantText(timestampMillis(event.timestamp) ?? 0) },
      { text: event.subject },
      event.dagRunId === "" ? { text: `none: ${event.reason}`, color: "yellow" } : { text: event.dagRunId },
    ]),
    ...options,
  });
}

function stateCell({ state }: Sensor): Cell {
  const [text, color] = states[state] ?? ["?", "gray"];
  return { text, color };
}

function nextText(sensor: Sensor, now: number): string {
  if (sensor.state === SensorState.PAUSED) return sensor.isPaused ? "never: paused" : "never: its DAG is paused";
  const at = timestampMillis(sensor.nextPoll);
  if (at === null) return "";
  return at <= now ? "now" : `in ${durationText(at - now)}`;
}

function ago(at: number | null, now: number): string {
  return at === null ? "" : `${durationText(Math.max(0, now - at))} ago`;
}
