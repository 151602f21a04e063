import { create, type DescMessage, type JsonObject } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventSchema, StreamEventsRequestSchema } from "#gen/millrace/v1/event_service_pb.js";
import {
  DagRunSchema,
  ListDagRunsRequestSchema,
  RunState,
  RunType,
  TriggerDagRunRequestSchema,
} from "#gen/millrace/v1/run_service_pb.js";
import { TaskInstanceSchema, XcomSchema } from "#gen/millrace/v1/task_service_pb.js";
import { OutcomeSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { depthOf, parseBody } from "./parse-body.ts";
import { fillFromJson } from "./read-json.ts";
import { parseTimestamp } from "./timestamp.ts";
import { messageToJson } from "./write-json.ts";

function read(desc: DescMessage, json: JsonObject): unknown {
  const message = reflect(desc);
  fillFromJson(message, json);
  return message.message;
}

describe("writing", () => {
  test("every field is there, under its proto name, in the forms of the interface", () => {
    const run = create(DagRunSchema, {
      dagRunId: "r1",
      state: RunState.UP_FOR_RETRY,
      runType: RunType.TRIGGER_DAG,
      executionDate: timestampFromMs(Date.UTC(2026, 0, 31, 12, 0, 0, 5)),
      durationMs: 1234n,
      parameters: { list: [1, null, { deep: "x" }] },
      taskCounts: { success: 2 },
      warnings: ["w"],
    });
    const json = messageToJson(DagRunSchema, run) as JsonObject;
    expect(json).toMatchObject({
      dag_run_id: "r1",
      state: "up_for_retry",
      run_type: "trigger_dag",
      execution_date: "2026-01-31T12:00:00.005Z",
      duration_ms: 1234,
      parameters: { list: [1, null, { deep: "x" }] },
      task_counts: { success: 2 },
      warnings: ["w"],
      end_date: null,
      note: "",
      is_paused: false,
    });
    expect(Object.keys(json)).toEqual(DagRunSchema.fields.map((field) => field.name));
  });

  test("optional fields that are absent are null, set ones are there even when zero", () => {
    const absent = messageToJson(TaskInstanceSchema, create(TaskInstanceSchema, {}));
    expect(absent).toMatchObject({ map_index: null, exit_code: null, error: null, xcom_values: null, state: null });
    const zero = messageToJson(TaskInstanceSchema, create(TaskInstanceSchema, { mapIndex: 0, exitCode: 0 }));
    expect(zero).toMatchObject({ map_index: 0, exit_code: 0 });
  });
});

describe("reading", () => {
  test("takes the proto's names and the lowerCamelCase ones, and null for absent", () => {
    const body = { execution_date: "2026-01-31T13:00:00+01:00", externalTriggerId: "x", note: "n", parameters: null };
    expect(read(TriggerDagRunRequestSchema, body)).toMatchObject({
      executionDate: timestampFromMs(Date.UTC(2026, 0, 31, 12)),
      externalTriggerId: "x",
      note: "n",
    });
  });

  test("takes enums as words, as full names and as numbers; 64-bit integers as numbers and as text", () => {
    for (const kind of ["failed", "OUTCOME_KIND_FAILED", 2]) {
      expect(read(OutcomeSchema, { kind })).toMatchObject({ kind: 2 });
    }
    for (const after_id of [12, "12"])
      expect(read(StreamEventsRequestSchema, { after_id })).toMatchObject({ afterId: 12n });
  });

  test("keeps any JSON in a Value, null too", () => {
    for (const value of [null, 1, "x", [1, { a: null }]]) {
      const xcom = read(XcomSchema, { value }) as ReturnType<typeof create<typeof XcomSchema>>;
      expect(messageToJson(XcomSchema, xcom)).toMatchObject({ value });
    }
  });

  test.each([
    ["an unknown key, with the closest name", { parametres: {} }, "unknown field parametres; did you mean parameters?"],
    ["an unknown key like nothing", { zzzzzzzz: 1 }, "unknown field zzzzzzzz"],
    ["a key in both forms", { dag_id: "a", dagId: "b" }, "dag_id is given twice"],
    ["a number for a string", { note: 5 }, "note must be a string, not 5"],
    ["a string for an object", { parameters: "x" }, 'parameters must be an object, not "x"'],
    ["a list for an object", { parameters: [1] }, "parameters must be an object, not a list"],
    ["a string for a boolean", { wait: "true" }, 'wait must be true or false, not "true"'],
    ["a date without a time", { execution_date: "2026-01-31" }, "execution_date must be a time such as"],
    ["a day that does not exist", { execution_date: "2026-02-30T00:00:00Z" }, "execution_date must be a time such as"],
  ])("refuses %s", (_name, body, message) => {
    const reading = () => read(TriggerDagRunRequestSchema, body);
    expect(reading).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
    );
  });

  test.each([
    ["limit", 1.5],
    ["limit", 2 ** 31],
    ["limit", "5"],
  ])("refuses %s: %s", (name, value) => {
    const message = expect.stringContaining("must be an integer from");
    expect(() => read(ListDagRunsRequestSchema, { [name]: value })).toThrow(expect.objectContaining({ message }));
  });

  test("names the place of a fault in nested messages", () => {
    const reading = () => read(OutcomeSchema, { outputs: [{ key: "a" }, { key: 1 }] });
    expect(reading).toThrow(expect.objectContaining({ details: { field: "outputs[1].key" } }));
  });

  test("gives back what was written, whatever it is", () => {
    const strings = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(
        fc.record({
          id: fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
          eventType: strings,
          timestamp: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
          data: fc.dictionary(
            strings.filter((key) => key !== "__proto__"),
            fc.oneof(strings, fc.boolean(), fc.integer(), fc.constant(null), fc.array(strings)),
          ),
        }),
        ({ timestamp, ...facts }) => {
          const event = create(EventSchema, { ...facts, timestamp: timestampFromMs(timestamp) });
          const json = JSON.parse(JSON.stringify(messageToJson(EventSchema, event))) as JsonObject;
          expect(messageToJson(EventSchema, read(EventSchema, json) as typeof event)).toEqual(json);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a body", () => {
  const parse = (text: string) => parseBody(Buffer.from(text));

  test("may be empty", () => expect(parse(" ")).toEqual({}));

  test.each(["[1]", "5", "null", "{", '{"a":1,}'])("that is %s is refused", (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("that is nested 2,000 deep is refused before it is parsed", () => {
    const message = expect.stringContaining("deeper than 100");
    expect(() => parse(`{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`)).toThrow(expect.objectContaining({ message }));
  });

  test("in Latin-1 is refused", () => {
    expect(() => parseBody(Buffer.from([0x7b, 0xe9]))).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("brackets in strings are no depth", () => {
    expect(depthOf('{"[[[": "\\"[[[", "b": [{}]}')).toBe(3);
  });
});

test.each([
  ["2026-01-31T12:00:00Z", Date.UTC(2026, 0, 31, 12)],
  ["2026-01-31T12:00:00.123456Z", Date.UTC(2026, 0, 31, 12, 0, 0, 123)],
  ["2026-01-31t12:00:00-05:30", Date.UTC(2026, 0, 31, 17, 30)],
  ["2028-02-29 00:00:00z", Date.UTC(2028, 1, 29)],
  ["2026-01-31T24:00:00Z", null],
  ["2026-01-31T12:00Z", null],
  ["2026-01-31T12:00:00", null],
  ["2026-01-31T12:00:00+25:00", null],
  ["yesterday", null],
])("the time %s is %s", (text, at) => expect(parseTimestamp(text)).toBe(at));
