import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { enumWord } from "./enum-words.ts";

/**
 * The message as the JSON of the REST interface: the field names of the proto, every field present (absent ones null,
 * empty lists and maps as such), enums as words, 64-bit integers as numbers, times RFC 3339 in UTC with milliseconds,
 * `Struct` and `Value` as the JSON that they stand for.
 */
export function messageToJson(desc: DescMessage, message: Message): JsonValue {
  return writeMessage(reflect(desc, message));
}

function writeMessage(message: ReflectMessage): JsonValue {
  const wellKnown = writeWellKnown(message);
  if (wellKnown !== undefined) return wellKnown;
  const json: Record<string, JsonValue> = {};
  for (const field of message.fields) json[field.name] = writeField(message, field);
  return json;
}

function writeWellKnown(message: ReflectMessage): JsonValue | undefined {
  switch (message.desc.typeName) {
    case "google.protobuf.Timestamp":
      return new Date(timestampMs(message.message as Timestamp)).toISOString();
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
    case "google.protobuf.ListValue":
      return toJson(message.desc, message.message);
    default:
      return undefined;
  }
}

function writeField(message: ReflectMessage, field: DescField): JsonValue {
  switch (field.fieldKind) {
    case "list": {
      const list = message.get(field);
      return [...list].map((item) => writeSingle(item, field.enum));
    }
    case "map": {
      const entries = [...message.get(field)].map(([key, value]) => [String(key), writeSingle(value, field.enum)]);
      return Object.fromEntries(entries) as Record<string, JsonValue>;
    }
    case "scalar":
    case "enum":
    case "message": {
      const hasPresence = field.fieldKind === "message" || field.oneof !== undefined || field.proto.proto3Optional;
      if (hasPresence && !message.isSet(field)) return null;
      return writeSingle(message.get(field), field.enum);
    }
    default:
      return field satisfies never;
  }
}

function writeSingle(value: unknown, desc: DescEnum | undefined): JsonValue {
  if (desc !== undefined) return enumWord(desc, value as number);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "object" && value !== null) return writeMessage(value as ReflectMessage);
  return value as JsonValue;
}
