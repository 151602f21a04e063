import { createHash } from "node:crypto";
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";

/**
 * SHA-256, hex, of a request without the fields named (as JSON writes them); the order of keys does not matter. Tells a
 * repeat from another request (G6).
 */
export function hashMessage<D extends DescMessage>(
  desc: D,
  message: MessageShape<D>,
  leftOut: ReadonlySet<string>,
): string {
  const fields = Object.entries(toJson(desc, message) as Record<string, JsonValue>);
  const body = Object.fromEntries(fields.filter(([name]) => !leftOut.has(name)));
  return createHash("sha256").update(canonicalJson(body)).digest("hex");
}

function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
