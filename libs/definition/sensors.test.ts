import { expect, describe, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDefinition } from "./parse-definition.ts";
import { resolveParameters } from "./rendering/resolve-parameters.ts";

const fields = z.strictObject({ text: z.string().optional() });
const operators: OperatorSchemas = new Map([["noop", { fields, code: {}, description: "" }]]);

/** A definition with these sensors from line 4 on. */
function parse(lines: readonly string[], more = "description: d", task = "{type: noop, operator: {}}") {
  const sensors = lines.map((line) => `  - ${line}`);
  const text = ["id: x", more, "sensors:", ...sensors, `tasks: {a: ${task}}`].join("\n");
  return parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
}

function problemsOf(...given: Parameters<typeof parse>): readonly string[] {
  return parse(...given).problems.map(
    ({ line, column, code, message, hint }) => `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

const sensorOf = (line: string): unknown => parse([line]).definition?.sensors?.[0];

test("each type has its defaults", () => {
  expect(sensorOf("{id: a, type: file, directory_path: /in}")).toEqual({
    id: "a",
    type: "file",
    pollIntervalMs: 30_000,
    timeoutMs: 30_000,
    batchSize: 1000,
    source: '["file","/in","*",false]',
    directory: "/in",
    pattern: "*",
    trigger: "file_created",
    minSize: 0,
    stabilizationMs: 30_000,
    isRecursive: false,
  });
  const sql = "connection: shop, query: 'SELECT id FROM o WHERE at > {{ state.last }}', timestamp_column: at";
  expect(sensorOf(`{id: a, type: database, ${sql}}`)).toMatchObject({
    type: "sql",
    connection: { name: "shop" },
    mode: "new_rows",
    query: "SELECT id FROM o WHERE at > $1",
    orderColumn: "at",
  });
  expect(
    sensorOf("{id: a, type: http, url: 'https://x.example/', headers: {X-Key: 'k {{ secrets.key }}'}}"),
  ).toMatchObject({
    ...{ method: "GET", expectedStatus: [200], firesOn: "condition", requestTimeoutMs: 10_000, retryAttempts: 3 },
    ...{ headers: { "x-key": ["k ", { from: "secrets", name: "key" }] }, timeoutMs: 70_000 },
  });
  expect(sensorOf("{id: a, type: s3, bucket: b, region: eu-north-1}")).toMatchObject({
    ...{ prefix: "", endpoint: "https://s3.eu-north-1.amazonaws.com", credentials: null },
  });
  expect(sensorOf("{id: a, type: time_delta, dag_id: y, delay: 10m, state: [success, failed]}")).toMatchObject({
    ...{ type: "dag", dagId: "y", states: ["success", "failed"], delayMs: 600_000 },
  });
  expect(sensorOf("{id: a, type: kafka, topic: orders, match: '{{ value.total > 100 }}', batch_size: 5}")).toEqual({
    ...{ id: "a", type: "kafka", pollIntervalMs: 30_000, timeoutMs: 30_000, batchSize: 5 },
    ...{ source: '["kafka",null,"orders"]', connection: null, topic: "orders", match: "value.total > 100" },
  });
  expect(
    sensorOf("{id: a, type: sql, connection_string: '{{ env.SHOP }}', mode: row_count, query: SELECT 1}"),
  ).toMatchObject({
    connection: { address: [{ from: "env", name: "SHOP" }] },
    orderColumn: null,
  });
});

test("a message is read in `match` alone", () => {
  const task = `{type: noop, operator: {text: "{{ value.total }}"}}`;
  expect(problemsOf(["{id: a, type: kafka, topic: t}"], undefined, task)).toEqual([
    expect.stringContaining("`value` can't be read here (it exists in `match` of a kafka sensor alone)"),
  ]);
});

test("what is watched is its source; how often is not", () => {
  const source = (line: string) => (sensorOf(line) as { source: string }).source;
  const one = source("{id: a, type: http, url: 'https://x.example/'}");
  expect(source("{id: b, type: http, url: 'https://x.example/', poll_interval: 1s, retry_attempts: 0}")).toBe(one);
  expect(source("{id: a, type: http, url: 'https://x.example/y'}")).not.toBe(one);
});

describe("what is wrong is told where it stands", () => {
  const sql = "{id: a, type: sql, connection: c, query: 'SELECT 1'";
  test.each([
    ["5", "4:5 INVALID_TYPE a sensor is a map of keys, not 5"],
    ["{id: a}", expect.stringContaining("MISSING_KEY `type` is required")],
    ["{id: a, type: fiel}", "4:19 INVALID_VALUE there is no sensor of the type `fiel` (did you mean `file`?)"],
    ["{id: a, type: kafka}", expect.stringContaining("MISSING_KEY `topic` is required")],
    ["{id: a, type: kafka, topic: a b}", expect.stringContaining("INVALID_VALUE `topic` must be letters")],
    ["{id: a, type: kafka, topic: t, brokers: x}", expect.stringContaining("UNKNOWN_KEY the key `brokers`")],
    ["{id: a, type: kafka, topic: t, match: 'value.total >'}", expect.stringContaining("EXPRESSION_SYNTAX")],
    [
      "{id: a, type: kafka, topic: t, match: valeu.total > 1}",
      "4:43 UNKNOWN_NAME the name `valeu` is not known (did you mean `value`?)",
    ],
    ["{id: a, type: kafka, topic: t, match: params.x > 1}", expect.stringContaining("can't be read in `match`")],
    ["{id: a, type: kafka, topic: t, match: partition + 1}", expect.stringContaining("EXPRESSION_TYPE the condition")],
    [
      "{id: a, type: file, directory_path: /, file_pattern: '" + "?".repeat(1200) + "'}",
      expect.stringContaining("INVALID_PATTERN `file_pattern`"),
    ],
    ["{id: a, type: file}", expect.stringContaining("MISSING_KEY `directory_path` is required")],
    ["{id: a b, type: file, directory_path: /}", expect.stringContaining("4:10 INVALID_VALUE `id` must be letters")],
    ["{id: a, type: file, directory_path: /, pattern: x}", expect.stringContaining("UNKNOWN_KEY the key `pattern`")],
    [
      "{id: a, type: file, directory_path: /, poll_interval: 0s}",
      expect.stringContaining("INVALID_VALUE `poll_interval`"),
    ],
    ["{id: a, type: file, directory_path: /, batch_size: 10001}", expect.stringContaining("at most 10000")],
    ["{id: a, type: sql, query: SELECT 1, mode: row_count}", expect.stringContaining("exactly one of")],
    [
      `${sql}, connection_string: '{{ env.X }}', mode: row_count}`,
      expect.stringContaining("DUPLICATE_KEY exactly one"),
    ],
    [`${sql.replace("1'", "$1'")}}`, expect.stringContaining("MISSING_KEY `mode: new_rows` needs `timestamp_column`")],
    [`${sql}, mode: row_count, timestamp_column: x}`, expect.stringContaining("belongs to `mode: new_rows`")],
    [`${sql}, timestamp_column: x}`, expect.stringContaining("needs `$1`")],
    [
      `{id: a, type: sql, connection: c, mode: row_count, query: 'SELECT {{ now }}'}`,
      expect.stringContaining("UNKNOWN_NAME"),
    ],
    ["{id: a, type: http, url: 'ftp://x'}", expect.stringContaining("must be an http or https address")],
    [
      "{id: a, type: http, url: 'http://x', response_content_pattern: '(?=a)'}",
      expect.stringContaining("INVALID_PATTERN"),
    ],
    ["{id: a, type: http, url: 'http://x', response_fields: [a]}", expect.stringContaining("belongs to `on: change`")],
    ["{id: a, type: http, url: 'http://x', headers: {A: '{{ env.X }}'}}", expect.stringContaining("may read secrets")],
    ["{id: a, type: http, url: 'http://x', headers: {A: '{{ params.x }}'}}", expect.stringContaining("may hold only")],
    ["{id: a, type: s3, bucket: b, access_key_id: '{{ secrets.a }}'}", expect.stringContaining("come together")],
    ["{id: a, type: dag, dag_id: x}", "4:32 SELF_REFERENCE the sensor waits for runs of its own definition"],
  ])("%s", (line, problem) => {
    const found = problemsOf([line]);
    expect(found).toHaveLength(1);
    expect(found[0]).toEqual(problem);
  });

  test.each([
    ["postgres://u:hunter2@db/x", "must be `{{ secrets.name }}`"],
    ["{{ secrets.db }}?x=1", "nothing besides"],
    ["{{ env.MILLRACE_CONN_SHOP }}", "a variable of Millrace's own"],
    ["{{ env.DATABASE_URL }}", "a variable of Millrace's own"],
    ["{{ 'a' + 'b' }}", "may hold only"],
    ["{{ secrets.db", "holds `{{` without `}}`"],
  ])("no password stands in a definition: connection_string %s", (text, problem) => {
    const line = `{id: a, type: sql, mode: row_count, query: SELECT 1, connection_string: "${text}"}`;
    expect(problemsOf([line])).toEqual([expect.stringContaining(problem)]);
  });

  test("two sensors of one id", () => {
    const sensor = "{id: a, type: dag, dag_id: y}";
    expect(problemsOf([sensor, sensor])).toEqual([
      expect.stringContaining("5:10 DUPLICATE_ID there are two sensors `a`"),
    ]);
  });

  test("a pattern that other engines need ages for is none of it", () => {
    expect(problemsOf(["{id: a, type: http, url: 'http://x', response_content_pattern: '(a+)+$'}"])).toEqual([]);
  });
});

describe("the parameter `sensor`", () => {
  const sensor = "{id: a, type: dag, dag_id: y}";
  const reading = `{type: noop, operator: {text: "{{ params.sensor.path }}"}}`;

  test("is there without being declared, where there are sensors", () => {
    expect(problemsOf([sensor], undefined, reading)).toEqual([]);
    const { definition } = parse([sensor], "additional_parameters: false", reading);
    if (definition === null) throw new Error("it has problems");
    const run = { logicalAt: 0, now: 0, runId: "r", runType: "sensor" };
    const given = { sensor: { path: "p" } };
    const { sensors: _sensors, ...withoutSensors } = definition;
    expect(resolveParameters(definition, given, run)).toMatchObject({ parameters: given, warnings: [] });
    expect(() => resolveParameters(withoutSensors, given, run)).toThrow(/`sensor` is not declared/);
  });

  test("follows its schema where it is declared", () => {
    const { definition } = parse([sensor], "parameters: {sensor: {type: string}}");
    if (definition === null) throw new Error("it has problems");
    const run = { logicalAt: 0, now: 0, runId: "r", runType: "sensor" };
    expect(() => resolveParameters(definition, { sensor: {} }, run)).toThrow(/`sensor` must be/);
  });
});
