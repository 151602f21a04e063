import { closestName } from "#core/closest-name.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Report } from "../outline.ts";
import { type Finding, type Path, proposal } from "../problem-list.ts";
import { checkSchema, describeValue } from "../schema/schema-problems.ts";
import { sensorSchemas } from "../schema/sensor-schema.ts";
import { isReference, parseSensorText, readsVariables } from "../schema/sensor-text.ts";
import { globProblem } from "../expressions/path-glob.ts";
import { patternProblem } from "../expressions/text-pattern.ts";

/** Everything that can be said of `sensors:` without looking at what they watch. */
export function checkSensors(root: JsonObject, report: Report): void {
  const written = ownValue(root, "sensors");
  if (written === undefined) return;
  if (!isList(written)) {
    report(["sensors"], { code: "INVALID_TYPE", message: `\`sensors\` must be a list, not ${describeValue(written)}` });
    return;
  }
  if (written.length > definitionLimits.sensors) {
    const message = `there are ${written.length} sensors; a definition has at most ${definitionLimits.sensors}`;
    report(["sensors"], { code: "INVALID_VALUE", message });
  }
  const ids = new Set<string>();
  for (const [place, sensor] of written.entries()) {
    const path: Path = ["sensors", place];
    checkSensor(sensor, path, { report, ownId: ownValue(root, "id") });
    const id = isJsonObject(sensor) ? ownValue(sensor, "id") : undefined;
    if (typeof id !== "string") continue;
    if (ids.has(id)) report([...path, "id"], { code: "DUPLICATE_ID", message: `there are two sensors \`${id}\`` });
    ids.add(id);
  }
}

function checkSensor(sensor: Json, path: Path, { report, ownId }: { report: Report; ownId: Json | undefined }): void {
  if (!isJsonObject(sensor)) {
    report(path, { code: "INVALID_TYPE", message: `a sensor is a map of keys, not ${describeValue(sensor)}` });
    return;
  }
  const type = ownValue(sensor, "type");
  if (typeof type !== "string" || !Object.hasOwn(sensorSchemas, type)) {
    const at = type === undefined ? path : [...path, "type"];
    report(at, typeFinding(type));
    return;
  }
  const schema = sensorSchemas[type as keyof typeof sensorSchemas];
  const findings = checkSchema(schema, sensor);
  for (const found of findings) report([...path, ...found.path], found.finding, found.isKey ? "key" : "value");
  if (findings.length > 0) return;
  const tell = (key: string, finding: Finding): void =>
    report(Object.hasOwn(sensor, key) ? [...path, key] : path, finding);
  if (type === "file") checkFile(sensor, tell);
  if (type === "sql" || type === "database") checkSql(sensor, tell);
  if (type === "http") checkHttp(sensor, path, { tell, report });
  if (type === "s3") checkS3(sensor, tell);
  if (sensor["dag_id"] !== undefined && sensor["dag_id"] === ownId) {
    tell("dag_id", { code: "SELF_REFERENCE", message: "the sensor waits for runs of its own definition" });
  }
}

type Tell = (key: string, finding: Finding) => void;

function typeFinding(type: Json | undefined): Finding {
  const known = Object.keys(sensorSchemas);
  if (type === undefined)
    return { code: "MISSING_KEY", message: "`type` is required", hint: `one of ${known.join(", ")}` };
  if (typeof type !== "string") {
    return { code: "INVALID_TYPE", message: `\`type\` must be text, not ${describeValue(type)}` };
  }
  const near = closestName(type, known);
  const hint = near === null ? `the types are ${known.join(", ")}` : proposal(near);
  return { code: "INVALID_VALUE", message: `there is no sensor of the type \`${type}\``, hint };
}

function checkFile(sensor: JsonObject, tell: Tell): void {
  const pattern = ownValue(sensor, "file_pattern");
  const fault = typeof pattern === "string" ? globProblem(pattern) : null;
  if (fault !== null) {
    const hint = "a pattern has `*`, `?`, `[a-z]`, `{a,b}` and `**`";
    tell("file_pattern", { code: "INVALID_PATTERN", message: `\`file_pattern\` ${fault}`, hint });
  }
}

const connectionKeys = ["database_connection", "connection", "connection_string"] as const;

function checkSql(sensor: JsonObject, tell: Tell): void {
  const given = connectionKeys.filter((key) => Object.hasOwn(sensor, key));
  if (given.length !== 1) {
    const message = "exactly one of `database_connection`, `connection` and `connection_string` says where to ask";
    tell(given[1] ?? "", { code: given.length === 0 ? "MISSING_KEY" : "DUPLICATE_KEY", message });
  }
  checkReference(sensor, "connection_string", tell);
  const mode = ownValue(sensor, "mode") ?? "new_rows";
  const hasColumn = Object.hasOwn(sensor, "timestamp_column");
  if (mode === "new_rows" && !hasColumn) {
    const hint = "name the column that tells new rows from old ones";
    tell("", { code: "MISSING_KEY", message: "`mode: new_rows` needs `timestamp_column`", hint });
  }
  if (mode !== "new_rows" && hasColumn) {
    const message = "`timestamp_column` belongs to `mode: new_rows`";
    tell("timestamp_column", { code: "INVALID_VALUE", message, hint: "remove it" });
  }
  const query = ownValue(sensor, "query");
  if (typeof query === "string") checkQuery(query, mode === "new_rows", tell);
}

/** The last value is the only thing that may come into a query, and always as a bind parameter. */
function checkQuery(query: string, isNewRows: boolean, tell: Tell): void {
  const rest = query.replaceAll(/\{\{\s*state\.last\s*\}\}/g, "$1");
  if (rest.includes("{{")) {
    const message = "a sensor's query may hold only `{{ state.last }}`, which is the same as `$1`";
    tell("query", { code: "UNKNOWN_NAME", message });
  }
  const isFiltered = /\$1(?!\d)/.test(rest);
  if (isNewRows && !isFiltered) {
    const hint = "compare the column with it: WHERE created_at > $1";
    tell("query", { code: "INVALID_VALUE", message: "the query of `mode: new_rows` needs `$1`, the last value", hint });
  }
  if (!isNewRows && isFiltered) {
    tell("query", { code: "INVALID_VALUE", message: "only the query of `mode: new_rows` has `$1`, the last value" });
  }
}

function checkHttp(sensor: JsonObject, path: Path, { tell, report }: { tell: Tell; report: Report }): void {
  const url = ownValue(sensor, "url");
  const isAddress = typeof url === "string" && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isAddress) tell("url", { code: "INVALID_VALUE", message: "`url` must be an http or https address" });
  const pattern = ownValue(sensor, "response_content_pattern");
  const patternFault = typeof pattern === "string" ? patternProblem(pattern) : null;
  if (patternFault !== null) {
    const hint = "RE2 syntax: no look-around and no back references";
    const message = `\`response_content_pattern\` ${patternFault}`;
    tell("response_content_pattern", { code: "INVALID_PATTERN", message, hint });
  }
  if (Object.hasOwn(sensor, "response_fields") && ownValue(sensor, "on") !== "change") {
    tell("response_fields", { code: "INVALID_VALUE", message: "`response_fields` belongs to `on: change`" });
  }
  const headers = ownValue(sensor, "headers");
  for (const [name, value] of Object.entries(isJsonObject(headers) ? headers : {})) {
    const at = [...path, "headers", name];
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
      report(at, { code: "INVALID_KEY", message: `\`${name}\` can't be the name of a header` }, "key");
    }
    const text = parseSensorText(typeof value === "string" ? value : "");
    if (typeof text === "string") report(at, { code: "UNKNOWN_NAME", message: `the header \`${name}\` ${text}` });
    else if (readsVariables(text)) {
      report(at, { code: "UNKNOWN_NAME", message: `the header \`${name}\` may read secrets, not variables` });
    }
  }
}

function checkS3(sensor: JsonObject, tell: Tell): void {
  const keys = ["access_key_id", "secret_access_key"] as const;
  const given = keys.filter((key) => Object.hasOwn(sensor, key));
  if (given.length === 1) tell("", { code: "MISSING_KEY", message: `\`${keys.join("` and `")}\` come together` });
  for (const key of given) checkReference(sensor, key, tell);
  const endpoint = ownValue(sensor, "endpoint");
  const isAddress =
    typeof endpoint === "string" && URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol);
  if (endpoint !== undefined && !isAddress) {
    tell("endpoint", { code: "INVALID_VALUE", message: "`endpoint` must be an http or https address" });
  }
}

/** No password may stand in a definition: its versions are kept. */
function checkReference(sensor: JsonObject, key: string, tell: Tell): void {
  const value = ownValue(sensor, key);
  if (typeof value !== "string") return;
  const text = parseSensorText(value);
  if (typeof text === "string") tell(key, { code: "UNKNOWN_NAME", message: `\`${key}\` ${text}` });
  else if (!isReference(text)) {
    const message = `\`${key}\` must be \`{{ secrets.name }}\` or \`{{ env.NAME }}\` and nothing besides`;
    tell(key, { code: "INVALID_VALUE", message, hint: "what it stands for is not stored with the definition" });
  }
}
