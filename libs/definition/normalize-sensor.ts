import { parseDuration } from "#schedule/duration.ts";
import { bareExpression } from "./expressions/bare-expression.ts";
import type {
  DagSensor,
  FileSensor,
  HttpSensor,
  KafkaSensor,
  S3Sensor,
  SensorDefinition,
  SqlSensor,
} from "./schema/sensor-definition.ts";
import type { SensorInput } from "./schema/sensor-schema.ts";
import { parseSensorText, type SensorText } from "./schema/sensor-text.ts";

/** Values where a sensor says nothing. */
const fallback = {
  pollIntervalMs: 30_000,
  timeoutMs: 30_000,
  batchSize: 1000,
  stabilizationMs: 30_000,
  requestTimeoutMs: 10_000,
  retryAttempts: 3,
} as const;

/** Pauses between the requests of one poll, all together, are shorter. */
const retryPausesMs = 30_000;

type InputOf<T extends SensorInput["type"]> = Extract<SensorInput, { type: T }>;

/** A sensor that has passed its checks in its normal form. */
export function normalizeSensor(input: SensorInput): SensorDefinition {
  switch (input.type) {
    case "file":
      return normalizeFile(input);
    case "sql":
    case "database":
      return normalizeSql(input);
    case "http":
      return normalizeHttp(input);
    case "s3":
      return normalizeS3(input);
    case "dag":
    case "time_delta":
      return normalizeDag(input);
    case "kafka":
      return normalizeKafka(input);
  }
}

function basisOf(input: SensorInput, source: readonly unknown[]) {
  const { timeout, batch_size } = { timeout: undefined, batch_size: undefined, ...input };
  return {
    id: input.id,
    pollIntervalMs: toMs(input.poll_interval, fallback.pollIntervalMs),
    timeoutMs: toMs(timeout, fallback.timeoutMs),
    batchSize: batch_size ?? fallback.batchSize,
    source: JSON.stringify(source),
  };
}

function normalizeFile(input: InputOf<"file">): FileSensor {
  const { directory_path: directory, file_pattern: pattern = "*", recursive_watch: isRecursive = false } = input;
  return {
    type: "file",
    ...basisOf(input, ["file", directory, pattern, isRecursive]),
    directory,
    pattern,
    trigger: input.trigger_condition ?? "file_created",
    minSize: input.min_file_size ?? 0,
    stabilizationMs: toMs(input.stabilization_time, fallback.stabilizationMs),
    isRecursive,
  };
}

function normalizeSql(input: InputOf<"sql" | "database">): SqlSensor {
  const { mode = "new_rows", timestamp_column: orderColumn = null, connection_string: address } = input;
  const name = input.database_connection ?? input.connection ?? "";
  const connection = address === undefined ? { name } : { address: toText(address) };
  const query = input.query.replaceAll(/\{\{\s*state\.last\s*\}\}/g, "$$1");
  return {
    type: "sql",
    ...basisOf(input, ["sql", connection, mode, query, orderColumn]),
    connection,
    mode,
    query,
    orderColumn,
  };
}

function normalizeHttp(input: InputOf<"http">): HttpSensor {
  const { url, method = "GET", body = null, on: firesOn = "condition" } = input;
  const requestTimeoutMs = toMs(input.timeout_duration, fallback.requestTimeoutMs);
  const retryAttempts = input.retry_attempts ?? fallback.retryAttempts;
  const expectedStatus = [input.expected_status_code ?? 200].flat();
  const contentPattern = input.response_content_pattern ?? null;
  const responseFields = input.response_fields ?? null;
  return {
    type: "http",
    ...basisOf(input, ["http", url, method, body, expectedStatus, contentPattern, firesOn, responseFields]),
    timeoutMs: (retryAttempts + 1) * requestTimeoutMs + retryPausesMs,
    url,
    method,
    headers: Object.fromEntries(
      Object.entries(input.headers ?? {}).map(([name, value]) => [name.toLowerCase(), toText(value)]),
    ),
    body,
    expectedStatus,
    contentPattern,
    firesOn,
    responseFields,
    requestTimeoutMs,
    retryAttempts,
  };
}

function normalizeS3(input: InputOf<"s3">): S3Sensor {
  const { bucket, prefix = "", region = "us-east-1", access_key_id, secret_access_key } = input;
  const endpoint = input.endpoint ?? `https://s3.${region}.amazonaws.com`;
  return {
    type: "s3",
    ...basisOf(input, ["s3", endpoint, bucket, prefix]),
    bucket,
    prefix,
    endpoint,
    region,
    credentials:
      access_key_id === undefined || secret_access_key === undefined
        ? null
        : { accessKeyId: toText(access_key_id), secretAccessKey: toText(secret_access_key) },
  };
}

function normalizeDag(input: InputOf<"dag" | "time_delta">): DagSensor {
  const { dag_id: dagId, delay } = input;
  const states = [input.state ?? "success"].flat();
  const delayMs = delay === undefined ? 0 : toMs(delay, 0);
  return { type: "dag", ...basisOf(input, ["dag", dagId, states]), dagId, states, delayMs };
}

/** Another condition judges what comes from now on: the place in the topic stays. */
function normalizeKafka(input: InputOf<"kafka">): KafkaSensor {
  const { topic, connection = null } = input;
  const match = input.match === undefined ? null : bareExpression(input.match);
  return { type: "kafka", ...basisOf(input, ["kafka", connection, topic]), connection, topic, match };
}

function toMs(text: string | undefined, fallbackMs: number): number {
  return text === undefined ? fallbackMs : (parseDuration(text) ?? fallbackMs);
}

function toText(text: string): SensorText {
  const parsed = parseSensorText(text);
  return typeof parsed === "string" ? [text] : parsed;
}
