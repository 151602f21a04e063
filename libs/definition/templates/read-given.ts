import { isJsonObject } from "../json.ts";
import type { Json, JsonObject, Problem } from "../model.ts";
import { createSourcePlaces } from "../yaml/source-places.ts";
import { readYaml } from "../yaml/yaml-document.ts";
import { toJson } from "../yaml/yaml-value.ts";
import type { InstanceDocument } from "./definition-documents.ts";
import type { TemplateReference } from "./template-reference.ts";
import type { Source } from "./source-findings.ts";
import { isSourcedMap, sourcedNode } from "./sourced-tree.ts";

export type GivenInstance =
  | { readonly kind: "valid"; readonly instance: InstanceDocument }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/**
 * An instance whose parameters are a YAML map of their own, in `file`; `more` stands beside it and wins. Problems of
 * parameters have their places there.
 */
export function readGivenInstance(
  text: string,
  options: { file: string; template: TemplateReference; id: Json | undefined; more: JsonObject },
): GivenInstance {
  const { file, template, id, more } = options;
  const { document, problems } = readYaml(text.trim() === "" ? "{}" : text, file);
  if (document === null) return { kind: "invalid", problems: problems.sorted() };
  const { value } = toJson(document, problems);
  if (!isJsonObject(value)) {
    problems.add({ offset: 0 }, { code: "INVALID_TYPE", message: "parameters are a map from name to value" });
  }
  if (problems.hasErrors || !isJsonObject(value)) return { kind: "invalid", problems: problems.sorted() };
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const source: Source = { file, places: createSourcePlaces(document, text), lineStarts, label: "" };
  const given = sourcedNode({ ...value, ...more }, source, []).value;
  return { kind: "valid", instance: { source, template, given: isSourcedMap(given) ? given : new Map(), id } };
}
