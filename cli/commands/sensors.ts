import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { type Sensor, SensorAction, SensorEventSchema, SensorSchema } from "#gen/millrace/v1/sensor_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderSensor, renderSensorEvents, renderSensors } from "../rendering/sensor-view.ts";
import { writeResult } from "../write-result.ts";

interface ListFlags extends ClientFlags {
  readonly dag?: string;
  readonly failing?: boolean;
  readonly limit: number;
}

interface EventFlags extends ClientFlags {
  readonly limit: number;
}

interface SensorName {
  readonly dagId: string;
  readonly sensorId: string;
}

type Ask = (gateway: GatewayClient, name: SensorName) => Promise<{ readonly sensor?: Sensor | undefined }>;

/** What can be done with one sensor. */
const actions: readonly {
  readonly name: string;
  readonly summary: string;
  readonly text: string;
  readonly ask: Ask;
}[] = [
  {
    name: "show",
    summary: "show a sensor",
    text: "Show a sensor: what it watches, when it looks, its last events, why it fails.",
    ask: ({ sensors }, name) => sensors.getSensor(name),
  },
  {
    name: "pause",
    summary: "let a sensor rest",
    text: "Let a sensor rest. What changes meanwhile fires when it goes on.",
    ask: ({ sensors }, name) => sensors.updateSensor({ ...name, action: SensorAction.PAUSE }),
  },
  {
    name: "resume",
    summary: "let a sensor go on",
    text: "Let a paused sensor go on; it looks at once.",
    ask: ({ sensors }, name) => sensors.updateSensor({ ...name, action: SensorAction.RESUME }),
  },
  {
    name: "poll",
    summary: "let a sensor look at once",
    text: "Let a sensor look at once, whatever its interval. The command does not wait for what it sees.",
    ask: ({ sensors }, name) => sensors.pollSensor(name),
  },
];

export function configure(command: Command, context: CliContext): void {
  command.description("List, show, pause and poll sensors. Without a subcommand it lists them.");
  const list = command
    .command("list", { isDefault: true })
    .summary("list sensors")
    .description("List the sensors of definitions in force, with their states and errors.");
  withClientFlags(list)
    .option("--dag <id>", "only those of this DAG")
    .option("--failing", "only those whose last look failed")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 1000)
    .action((flags: ListFlags) => listSensors(flags, context));
  withExamples(list, [["millrace sensors list --failing", "what needs a look"]]);
  for (const { name, summary, text, ask } of actions) {
    const one = command.command(name).summary(summary).description(text);
    withSensor(one).action((dagId: string, sensorId: string, flags: ClientFlags) =>
      showSensor({ dagId, sensorId }, { flags, ask }, context),
    );
    withExamples(one, [[`millrace sensors ${name} etl new_csv`, ""]]);
  }
  const events = command
    .command("events")
    .summary("list what a sensor saw")
    .description("List what a sensor saw in the last 30 days, newest first, each with its run.");
  withSensor(events)
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 100)
    .action((dagId: string, sensorId: string, flags: EventFlags) => listEvents({ dagId, sensorId }, flags, context));
  withExamples(events, [["millrace sensors events etl new_csv --limit 5", ""]]);
  withExamples(command, [
    ["millrace sensors", "all sensors"],
    ["millrace sensors show etl new_csv", "one, with its last events"],
  ]);
}

function withSensor(command: Command): Command {
  return withClientFlags(command).argument("<dag>", "id of the DAG").argument("<sensor>", "id of the sensor");
}

async function listSensors(flags: ListFlags, context: CliContext): Promise<void> {
  const terms = [
    ...(flags.dag === undefined ? [] : [`dag_id:${flags.dag}`]),
    ...(flags.failing === true ? ["failing:true"] : []),
  ];
  const sensors = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.sensors.listSensors({ filter: terms.join(" "), ...page });
      return { items: answer.sensors, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => sensors.map((sensor) => messageToJson(SensorSchema, sensor)),
    lines: (options) =>
      sensors.length === 0 ? ["no sensors"] : renderSensors(sensors, { now: context.now(), ...options }),
  });
}

async function showSensor(
  name: SensorName,
  { flags, ask }: { flags: ClientFlags; ask: Ask },
  context: CliContext,
): Promise<void> {
  const { sensor } = await withGateway({ flags: { ...flags }, context }, (gateway) => ask(gateway, name));
  if (sensor === undefined) throw new AppError("INTERNAL", "the server answered without the sensor");
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(SensorSchema, sensor),
    lines: (options) => renderSensor(sensor, { now: context.now(), ...options }),
  });
}

async function listEvents(name: SensorName, flags: EventFlags, context: CliContext): Promise<void> {
  const events = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.sensors.listSensorEvents({ ...name, ...page });
      return { items: answer.events, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => events.map((event) => messageToJson(SensorEventSchema, event)),
    lines: (options) => (events.length === 0 ? ["it has seen nothing yet"] : renderSensorEvents(events, options)),
  });
}
