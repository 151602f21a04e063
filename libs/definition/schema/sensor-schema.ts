import { z } from "zod";
import { durationSchema as duration } from "./duration-schema.ts";
import { dagIdPattern, dagIdWords, taskIdPattern, taskIdWords } from "./id-forms.ts";
import { definitionLimits } from "../limits.ts";
import { awaitedStates, fileTriggers, sqlModes } from "./sensor-words.ts";

/*
 * The shape of each kind of sensor. What needs more than one key to judge is checked in check-sensors.ts.
 */

/** As brokers have it: neither `.` nor `..`. */
const topicPattern = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const topicWords = "letters, digits, dots, hyphens and underscores, 249 at most";

const filled = z.string().min(1).max(4096);
const batch = z.int().min(1).max(definitionLimits.sensorBatch);

const common = {
  id: z
    .string()
    .regex(taskIdPattern, `must be ${taskIdWords}`)
    .meta({ patternErrorMessage: `must be ${taskIdWords}` })
    .describe("Unique within the definition."),
  poll_interval: duration.optional().describe("Time between looks; 30s by default."),
};
const timeout = { timeout: duration.optional().describe("The longest time of one look; 30s by default.") };
const batchSize = (what: string) => ({ batch_size: batch.optional().describe(`${what}; 1000 by default.`) });

const file = z.strictObject({
  type: z.literal("file"),
  ...common,
  directory_path: filled.describe("The folder, as the scheduler sees it; a relative one begins at the definitions."),
  file_pattern: filled.optional().describe("Names such as `*.csv`, or paths such as `in/**/*.csv`; `*` by default."),
  trigger_condition: z.enum(fileTriggers).optional().describe("What fires; `file_created` by default."),
  min_file_size: z.int().min(0).optional().describe("Smaller files are not there, in bytes; 0 by default."),
  stabilization_time: duration.optional().describe("How long a file stays as it is before it fires; 30s by default."),
  recursive_watch: z.boolean().optional().describe("Folders within it, too; false by default."),
  ...timeout,
  ...batchSize("Events of one look at most"),
});

const sqlKeys = {
  ...common,
  database_connection: filled.optional().describe("A named connection of type postgres, mysql or sqlite."),
  connection: filled.optional().describe("The same as database_connection."),
  connection_string: filled.optional().describe("In its place: `{{ secrets.name }}` or `{{ env.NAME }}`, an address."),
  mode: z.enum(sqlModes).optional().describe("What fires; `new_rows` by default."),
  query: z.string().min(1).describe("One query; `$1` or `{{ state.last }}` is the last value of `timestamp_column`."),
  timestamp_column: filled.optional().describe("Of `new_rows`: the column that grows."),
  ...timeout,
  ...batchSize("Rows of one event at most"),
};
const sql = z.strictObject({ type: z.literal("sql"), ...sqlKeys });
const database = z.strictObject({ type: z.literal("database"), ...sqlKeys });

const http = z.strictObject({
  type: z.literal("http"),
  ...common,
  url: filled,
  method: z.enum(["GET", "HEAD", "POST"]).optional().describe("GET by default."),
  headers: z.record(z.string(), z.string()).optional().describe("Values may hold `{{ secrets.name }}`."),
  body: z.string().optional(),
  expected_status_code: z
    .union([z.int().min(100).max(599), z.array(z.int().min(100).max(599)).min(1).max(100)])
    .optional()
    .describe("200 by default."),
  response_content_pattern: filled.optional().describe("A regular expression that the body must hold a match of."),
  on: z.enum(["condition", "change"]).optional().describe("`condition`, by default, or `change` of the body."),
  response_fields: z.array(filled).min(1).max(100).optional().describe("Of `on: change`: paths into a JSON body."),
  timeout_duration: duration.optional().describe("The longest time of one request; 10s by default."),
  retry_attempts: z.int().min(0).max(10).optional().describe("Requests after a failed one; 3 by default."),
});

const s3 = z.strictObject({
  type: z.literal("s3"),
  ...common,
  bucket: filled,
  prefix: z.string().max(1024).optional().describe("Only keys that begin with it."),
  endpoint: filled.optional().describe("Address of the server; Amazon's of the region by default."),
  region: filled.optional().describe("`us-east-1` by default."),
  access_key_id: filled.optional().describe("`{{ secrets.name }}`; without keys requests are not signed."),
  secret_access_key: filled.optional().describe("`{{ secrets.name }}`."),
  ...timeout,
  ...batchSize("Events of one look at most"),
});

const kafka = z.strictObject({
  type: z.literal("kafka"),
  ...common,
  topic: z
    .string()
    .regex(topicPattern, `must be ${topicWords}`)
    .meta({ patternErrorMessage: `must be ${topicWords}` })
    .describe("The topic; its messages fire, one by one."),
  connection: filled.optional().describe("A named connection of type kafka; the brokers of the settings by default."),
  match: filled
    .optional()
    .describe("Which messages fire, as CEL over key, value, headers, partition, offset, timestamp."),
  ...timeout,
  ...batchSize("Events of one look at most"),
});

const dagKeys = {
  ...common,
  dag_id: z
    .string()
    .regex(dagIdPattern, `must be ${dagIdWords}`)
    .meta({ patternErrorMessage: `must be ${dagIdWords}` })
    .describe("The other definition."),
  state: z
    .union([z.enum(awaitedStates), z.array(z.enum(awaitedStates)).min(1)])
    .optional()
    .describe("How its runs have to end; `success` by default."),
  delay: duration.optional().describe("Time between the end of the run and the event; none by default."),
  ...timeout,
  ...batchSize("Events of one look at most"),
};
const dag = z.strictObject({ type: z.literal("dag"), ...dagKeys });
const timeDelta = z.strictObject({ type: z.literal("time_delta"), ...dagKeys });

/** By the word that `type` has. */
export const sensorSchemas = { file, sql, database, http, s3, dag, time_delta: timeDelta, kafka } as const;

/** One sensor, for editors. */
export const sensorSchema = z.discriminatedUnion("type", [file, sql, database, http, s3, dag, timeDelta, kafka]);

export type SensorInput = z.infer<typeof sensorSchema>;
