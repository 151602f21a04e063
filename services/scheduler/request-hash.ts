import { createHash } from "node:crypto";
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type TriggerDagRunRequest, TriggerDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";

/** Parts of a request that don't say what is to be made: the id itself, and how the caller waits. */
const leftOut: ReadonlySet<string> = new Set(["requestId", "wait"]);

/** SHA-256, hex, of what a request asks for; the order of keys does not matter. Tells a repeat from another request (G6). */
export function hashRequest(trigger: TriggerDagRunRequest): string {
  const fields = Object.entries(toJson(TriggerDagRunRequestSchema, trigger) as Record<string, JsonValue>);
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
