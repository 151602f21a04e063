import { type DescField, type DescMessage, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { timestampFromMs, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import { maxJsonDepth } from "../wire-limits.ts";
import { type Kind, readScalar } from "./read-scalar.ts";
import { parseTimestamp } from "./timestamp.ts";

const structOptions = { recursionLimit: 3 * maxJsonDepth + 50 };

/**
 * Fills the message from an object with the proto's field names, or their lowerCamelCase forms. Null leaves a field
 * absent. Throws `INVALID_ARGUMENT` naming the field: for an unknown key (with the closest name), a wrong type, a
 * number out of range, an unknown word of an enum.
 */
export function fillFromJson(message: ReflectMessage, json: JsonObject, path = ""): readonly DescField[] {
  const filled: DescField[] = [];
  for (const [key, value] of Object.entries(json)) {
    const field = findField(message.desc, key, path);
    if (filled.includes(field)) throw invalid(join(path, field.name), "is given twice");
    filled.push(field);
    if (value !== null || isAnyValue(field)) setField(message, field, value, join(path, field.name));
  }
  return filled;
}

/** The field that a key of a body or query names; throws with the closest name when there is none. */
export function findField(desc: DescMessage, key: string, path = ""): DescField {
  const field = desc.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
  if (field !== undefined) return field;
  const closest = closestName(
    key,
    desc.fields.map((candidate) => candidate.name),
  );
  const hint = closest === null ? "" : `; did you mean ${closest}?`;
  throw new AppError("INVALID_ARGUMENT", `unknown field ${join(path, key)}${hint}`, {
    details: { field: join(path, key), ...(closest === null ? {} : { closest }) },
  });
}

function setField(message: ReflectMessage, field: DescField, json: JsonValue, path: string): void {
  switch (field.fieldKind) {
    case "list": {
      if (!Array.isArray(json)) throw invalid(path, `must be a list, not ${nameOf(json)}`);
      const list = message.get(field);
      for (const [index, item] of json.entries()) list.add(readSingle(field, item, `${path}[${index}]`));
      return;
    }
    case "map": {
      const map = message.get(field);
      for (const [key, item] of Object.entries(assertObject(json, path))) {
        map.set(key, readSingle(field, item, `${path}.${key}`));
      }
      return;
    }
    case "scalar":
    case "enum":
    case "message":
      message.set(field, readSingle(field, json, path));
      return;
    default:
      field satisfies never;
  }
}

/** A field's value, or one item of it when it is a list or a map. */
function readSingle(field: DescField, json: JsonValue, path: string): unknown {
  if (field.message !== undefined) return readMessage(field.message, json, path);
  const kind: Kind = field.enum === undefined ? { scalar: field.scalar } : { enum: field.enum };
  const read = readScalar(kind, json);
  if (read.ok) return read.value;
  throw invalid(path, `must be ${read.wanted}, not ${nameOf(json)}`);
}

function readMessage(desc: DescMessage, json: JsonValue, path: string): ReflectMessage {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp": {
      const at = typeof json === "string" ? parseTimestamp(json) : null;
      if (at === null) throw invalid(path, `must be a time such as "2026-01-31T12:00:00Z", not ${nameOf(json)}`);
      return reflect(TimestampSchema, timestampFromMs(at));
    }
    case "google.protobuf.Struct":
      return reflect(desc, fromJson(desc, assertObject(json, path), structOptions));
    case "google.protobuf.Value":
      return reflect(desc, fromJson(desc, json, structOptions));
    default: {
      const message = reflect(desc);
      fillFromJson(message, assertObject(json, path), path);
      return message;
    }
  }
}

function assertObject(json: JsonValue, path: string): JsonObject {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw invalid(path, `must be an object, not ${nameOf(json)}`);
}

function isAnyValue(field: DescField): boolean {
  return field.message?.typeName === "google.protobuf.Value";
}

/** What a wrong value is, as people call it: short strings and numbers in full. */
function nameOf(json: JsonValue): string {
  if (json === null) return "null";
  if (Array.isArray(json)) return "a list";
  if (typeof json === "object") return "an object";
  const text = JSON.stringify(json);
  return text.length <= 40 ? text : `a ${typeof json}`;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** `INVALID_ARGUMENT` about one field, named in `details.field` too. */
export function invalid(field: string, problem: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field} ${problem}`, { details: { field } });
}
