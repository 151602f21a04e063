import type { DescField, JsonObject, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { timestampFromMs, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { RouteMatch } from "./match-route.ts";
import { fillFromJson, findField, invalid } from "./read-json.ts";
import { readScalarText } from "./read-scalar.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What a request's message is made of. */
export interface RequestParts {
  readonly match: RouteMatch;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
  /** The body as it is, where it is a field of its own. */
  readonly rawBody: { readonly field: DescField; readonly bytes: Uint8Array } | null;
  /** Texts for fields that a header stands for, by field name; they win over the query. */
  readonly headerFields: ReadonlyMap<string, string>;
  /** Query parameters that are written as terms of `filter`. */
  readonly filterTerms: readonly string[];
}

/**
 * Makes the message from body, path, query and headers. Throws `INVALID_ARGUMENT` naming the field, also when two of
 * them give the same field; a body may repeat what the path says.
 */
export function readRequest(parts: RequestParts): Message {
  const message = reflect(parts.match.route.method.input);
  const given = new Set<DescField>(fillFromJson(message, parts.body));
  if (parts.rawBody !== null) {
    message.set(parts.rawBody.field, parts.rawBody.bytes);
    given.add(parts.rawBody.field);
  }
  for (const [field, text] of parts.match.values) {
    if (given.has(field) && message.get(field) !== text) {
      throw invalid(field.name, `is ${JSON.stringify(text)} in the path and something else in the body`);
    }
    setFromText(message, field, [text]);
    given.add(field);
  }
  for (const [name, texts] of groupQuery(parts)) {
    if (parts.headerFields.has(name)) continue;
    const field = findField(message.desc, name);
    if (given.has(field)) throw invalid(field.name, "is given twice");
    setFromText(message, field, texts);
    given.add(field);
  }
  for (const [name, text] of parts.headerFields) {
    const field = findField(message.desc, name);
    if (given.has(field)) throw invalid(field.name, "is given by a header and in the body");
    setFromText(message, field, [text]);
  }
  return message.message;
}

/** Values by parameter name; those that are filter terms are put into `filter`. */
function groupQuery(parts: RequestParts): ReadonlyMap<string, readonly string[]> {
  const grouped = new Map<string, string[]>();
  const terms: string[] = [];
  for (const [name, text] of parts.query) {
    if (parts.filterTerms.includes(name)) {
      terms.push(/\s/.test(text) ? `${name}:"${text}"` : `${name}:${text}`);
      continue;
    }
    const texts = grouped.get(name) ?? [];
    texts.push(text);
    grouped.set(name, texts);
  }
  if (terms.length > 0) grouped.set("filter", [[...(grouped.get("filter") ?? []), ...terms].join(" ")]);
  return grouped;
}

function setFromText(message: ReflectMessage, field: DescField, texts: readonly string[]): void {
  if (field.fieldKind === "list") {
    const list = message.get(field);
    for (const text of texts) list.add(readText(field, text));
    return;
  }
  const [text, second] = texts;
  if (text === undefined || second !== undefined) throw invalid(field.name, "is given twice");
  message.set(field, readText(field, text));
}

function readText(field: DescField, text: string): unknown {
  if (field.message?.typeName === "google.protobuf.Timestamp") {
    const at = parseTimestamp(text);
    if (at === null) throw invalid(field.name, `must be a time such as 2026-01-31T12:00:00Z, not ${text}`);
    return reflect(TimestampSchema, timestampFromMs(at));
  }
  if (field.message !== undefined || field.fieldKind === "map")
    throw invalid(field.name, "can only be given in a body");
  const read = readScalarText(field.enum === undefined ? { scalar: field.scalar } : { enum: field.enum }, text);
  if (!read.ok) throw invalid(field.name, `must be ${read.wanted}, not ${JSON.stringify(text.slice(0, 40))}`);
  return read.value;
}
