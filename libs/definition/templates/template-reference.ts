import semver from "semver";
import { isJsonObject, ownValue } from "../json.ts";
import type { Json } from "../model.ts";
import type { Source, SourceFindings } from "./source-findings.ts";

/** How one template, or an instance, names another. */
export interface TemplateReference {
  readonly name: string;
  readonly range: string;
}

/** A name with the range of versions that may follow it. */
export function parseReference(text: string): TemplateReference {
  const at = text.indexOf("@");
  return at === -1 ? { name: text, range: "*" } : { name: text.slice(0, at), range: text.slice(at + 1) };
}

export function isRange(text: string): boolean {
  return semver.validRange(text) !== null;
}

export function invalidRange(range: string): { code: string; message: string; hint: string } {
  const hint = "write for example ^1.2, ~1.2.3, 1.x or >=1.2 <3";
  return { code: "INVALID_VERSION", message: `${JSON.stringify(range)} is no range of versions`, hint };
}

/** `name`, `name@range`, or `{name, version}`. */
export function readReference(
  written: Json | undefined,
  path: readonly string[],
  source: Source,
  findings: SourceFindings,
): TemplateReference | null {
  if (typeof written === "string") {
    const reference = parseReference(written);
    if (isRange(reference.range)) return reference;
    findings.add({ source, path }, invalidRange(reference.range));
    return { ...reference, range: "*" };
  }
  if (!isJsonObject(written)) return null;
  const [name, range] = [ownValue(written, "name"), ownValue(written, "version")];
  if (typeof name !== "string") return null;
  if (typeof range === "string" && !isRange(range)) {
    findings.add({ source, path: [...path, "version"] }, invalidRange(range));
    return { name, range: "*" };
  }
  return { name, range: typeof range === "string" ? range : "*" };
}
