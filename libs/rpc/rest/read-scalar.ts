import { type DescEnum, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { enumNumber, enumWords } from "./enum-words.ts";

export type Kind = { readonly scalar: ScalarType | undefined } | { readonly enum: DescEnum };

type ReadResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly wanted: string };

const int32Range = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const uint32Range = { min: 0, max: 2 ** 32 - 1 };

/** Reads a scalar or an enum from JSON; `wanted` says what it takes. */
export function readScalar(kind: Kind, json: JsonValue): ReadResult {
  if ("enum" in kind) return readEnum(kind.enum, json);
  switch (kind.scalar) {
    case ScalarType.STRING:
      return typeof json === "string" ? { ok: true, value: json } : { ok: false, wanted: "a string" };
    case ScalarType.BOOL:
      return typeof json === "boolean" ? { ok: true, value: json } : { ok: false, wanted: "true or false" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return readInt32(json, int32Range);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return readInt32(json, uint32Range);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return readInt64(json, (value) => BigInt.asIntN(64, value));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return readInt64(json, (value) => BigInt.asUintN(64, value));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return typeof json === "number" ? { ok: true, value: json } : { ok: false, wanted: "a number" };
    case ScalarType.BYTES:
      return readBytes(json);
    case undefined:
      return { ok: false, wanted: "a value of another kind" };
    default:
      return kind.scalar satisfies never;
  }
}

/** Reads a scalar or an enum from the text of a path or query. */
export function readScalarText(kind: Kind, text: string): ReadResult {
  if ("enum" in kind || kind.scalar === ScalarType.STRING || kind.scalar === ScalarType.BYTES) {
    return readScalar(kind, text);
  }
  if (kind.scalar === ScalarType.BOOL) {
    return readScalar(kind, text === "true" || text === "false" ? text === "true" : text);
  }
  const isNumber = /^-?\d+(\.\d+)?$/.test(text);
  return readScalar(kind, isNumber && Number.isSafeInteger(Number(text)) ? Number(text) : text);
}

function readEnum(desc: DescEnum, json: JsonValue): ReadResult {
  const value = typeof json === "string" ? enumNumber(desc, json) : undefined;
  if (value !== undefined) return { ok: true, value };
  if (typeof json === "number" && desc.value[json] !== undefined) return { ok: true, value: json };
  return { ok: false, wanted: `one of ${enumWords(desc).join(", ")}` };
}

function readInt32(json: JsonValue, range: { min: number; max: number }): ReadResult {
  const fits = typeof json === "number" && Number.isInteger(json) && json >= range.min && json <= range.max;
  return fits ? { ok: true, value: json } : { ok: false, wanted: `an integer from ${range.min} to ${range.max}` };
}

/** Numbers as far as they are exact, and decimal strings, as the proto's own JSON has them. */
function readInt64(json: JsonValue, wrap: (value: bigint) => bigint): ReadResult {
  const isExact = typeof json === "number" && Number.isSafeInteger(json);
  const isText = typeof json === "string" && /^-?\d{1,20}$/.test(json);
  const value = isExact || isText ? BigInt(json) : null;
  if (value !== null && wrap(value) === value) return { ok: true, value };
  return { ok: false, wanted: "an integer of at most 64 bits" };
}

function readBytes(json: JsonValue): ReadResult {
  if (typeof json !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(json)) return { ok: false, wanted: "base64 text" };
  return { ok: true, value: new Uint8Array(Buffer.from(json, "base64")) };
}
