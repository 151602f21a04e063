import { closestName } from "#core/closest-name.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import type { JsonObject, ParameterDefinition } from "../model.ts";
import type { Report } from "../outline.ts";
import { type Finding, type Path, proposal } from "../problem-list.ts";

/** A webhook as far as it could be read. */
export interface WebhookOutline {
  readonly body: JsonObject;
  readonly path: Path;
}

/** The webhooks of a definition, whatever else is wrong with them. */
export function readWebhooks(root: JsonObject): readonly WebhookOutline[] {
  const written = ownValue(root, "webhooks");
  if (!isList(written)) return [];
  return written.flatMap((body, place) => (isJsonObject(body) ? [{ body, path: ["webhooks", place] }] : []));
}

/** Names within one definition, and the parameters that its webhooks give. Other definitions are compared when it is registered. */
export function checkWebhooks(
  root: JsonObject,
  parameters: Readonly<Record<string, ParameterDefinition>>,
  report: Report,
): void {
  const names = new Set<string>();
  const isClosed = ownValue(root, "additional_parameters") === false;
  for (const { body, path } of readWebhooks(root)) {
    const name = ownValue(body, "name");
    if (typeof name === "string" && names.has(name)) {
      const hint = "each webhook has a path of its own";
      report([...path, "name"], { code: "DUPLICATE_ID", message: `there are two webhooks \`${name}\``, hint });
    }
    if (typeof name === "string") names.add(name);
    const given = ownValue(body, "parameters");
    for (const parameter of Object.keys(isJsonObject(given) ? given : {})) {
      if (Object.hasOwn(parameters, parameter)) continue;
      report([...path, "parameters", parameter], undeclared(parameter, { parameters, isClosed }), "key");
    }
  }
}

function undeclared(
  name: string,
  options: { readonly parameters: Readonly<Record<string, ParameterDefinition>>; readonly isClosed: boolean },
): Finding {
  const near = closestName(name, Object.keys(options.parameters));
  const hint = near === null ? "declare it under `parameters`" : proposal(near);
  const message = `the parameter \`${name}\` is not declared`;
  return { code: "UNDECLARED_PARAMETER", message, hint, warning: !options.isClosed };
}
