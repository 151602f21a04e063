import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Html, html } from "./html.ts";
import { dagPath } from "./paths.ts";

/** Names of parameter fields begin with this, so that they can't meet other fields. */
const prefix = "parameter.";

interface ParameterFacts {
  readonly type: string | null;
  readonly required: boolean;
  readonly description: string;
  readonly default: JsonValue | undefined;
  readonly choices: readonly JsonValue[] | null;
}

/** A form with a field for each declared parameter; what stays empty takes its default. */
export function triggerForm(dagId: string, parameters: JsonObject): Html {
  const fields = Object.entries(parameters).map(([name, declared]) => parameterField(name, factsOf(declared)));
  return html`<form class="stack" id="trigger" method="post" action="${dagPath(dagId)}/trigger">${fields}
<label>note<input name="note" maxlength="1000"></label><div><button>Trigger a run</button></div></form>`;
}

function parameterField(name: string, parameter: ParameterFacts): Html {
  const kind = `${parameter.type ?? "any JSON"}${parameter.required ? ", required" : ""}`;
  const label = html`<span><b>${name}</b> <span class="soft">${kind} ${parameter.description}</span></span>`;
  const field = `${prefix}${name}`;
  const choices = parameter.type === "boolean" ? [true, false] : parameter.choices;
  const placeholder = parameter.default === undefined ? "" : showValue(parameter.default);
  if (choices !== null) {
    const options = choices.map(
      (choice) => html`<option value="${JSON.stringify(choice)}">${showValue(choice)}</option>`,
    );
    return html`<label>${label}<select name="${field}"><option value="">${placeholder}</option>${options}</select></label>`;
  }
  if (parameter.type === "array" || parameter.type === "object") {
    return html`<label>${label}<textarea name="${field}" rows="3" placeholder="${placeholder}"></textarea></label>`;
  }
  return html`<label>${label}<input name="${field}" placeholder="${placeholder}"></label>`;
}

/** Whether a run can't begin without a value that only people can give. */
export function needsInput(parameters: JsonObject): boolean {
  return Object.values(parameters).some((declared) => {
    const { required, default: value } = factsOf(declared);
    return required && value === undefined;
  });
}

/** The parameters that a form gave, as far as they can be read as their types; the rest goes as text and is refused with its reason. */
export function readParameters(form: URLSearchParams, declared: JsonObject): JsonObject {
  const given: Record<string, JsonValue> = {};
  for (const [name, definition] of Object.entries(declared)) {
    const text = form.get(`${prefix}${name}`) ?? "";
    if (text === "") continue;
    const { type, choices } = factsOf(definition);
    given[name] = type === "string" && choices === null ? text : parseOrText(text);
  }
  return given;
}

function factsOf(declared: JsonValue | undefined): ParameterFacts {
  const facts = typeof declared === "object" && declared !== null && !Array.isArray(declared) ? declared : {};
  const { type, description } = facts;
  return {
    type: typeof type === "string" ? type : null,
    required: facts["required"] === true,
    description: typeof description === "string" ? description : "",
    default: facts["default"],
    choices: Array.isArray(facts["enum"]) ? facts["enum"] : null,
  };
}

function parseOrText(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function showValue(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
