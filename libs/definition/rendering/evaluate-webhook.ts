import { AppError } from "#errors/app-error.ts";
import { parseWallText, startOf } from "#schedule/wall-text.ts";
import { openZone } from "#schedule/zone.ts";
import { doublesOf } from "./compile-definition.ts";
import { evaluateToJson, type Scope } from "../expressions/evaluate-expression.ts";
import { compileExpression, type Expression } from "../expressions/expression.ts";
import type { Definition, Json, JsonObject } from "../model.ts";
import type { WebhookDefinition } from "../schema/webhook-definition.ts";

/** What a request says to a webhook. */
export interface WebhookRequest {
  readonly body: Json;
  /** The value of a header by its name in lower case; null: it is absent. */
  readonly header: (name: string) => string | null;
}

export type WebhookOutcome =
  | { readonly kind: "trigger"; readonly parameters: JsonObject; readonly logicalAt: number | null }
  /** Its `when` does not hold. */
  | { readonly kind: "ignored"; readonly reason: string };

/**
 * What a request comes to. A `when` that reads a key which is not there does not hold: senders of many kinds of events
 * need not be told apart by their shape. Throws VALUE_MISSING and EXPRESSION_FAILED.
 */
export function evaluateWebhook(
  definition: Definition,
  webhook: WebhookDefinition,
  request: WebhookRequest,
): WebhookOutcome {
  const evaluate = (place: string, text: string): Json => {
    const expression = compile(webhook, place, text);
    return evaluateToJson(expression, scopeOf(definition, expression, request));
  };
  const refusal = webhook.when === null ? null : judge(() => evaluate("when", webhook.when ?? ""), webhook.when);
  if (refusal !== null) return { kind: "ignored", reason: refusal };
  const parameters = Object.entries(webhook.parameters).map(
    ([name, text]) => [name, evaluate(`parameters.${name}`, text)] as const,
  );
  const date = webhook.logicalDate === null ? null : evaluate("logical_date", webhook.logicalDate);
  return {
    kind: "trigger",
    parameters: Object.fromEntries(parameters),
    logicalAt: date === null ? null : readDate(date, definition.timezone),
  };
}

/** Why the condition does not hold; null: it does. */
function judge(evaluate: () => Json, source: string): string | null {
  try {
    const value = evaluate();
    if (typeof value === "boolean") return value ? null : "`when` is false";
    const message = `\`when: ${source}\` gives ${JSON.stringify(value)}, not true or false`;
    throw new AppError("EXPRESSION_FAILED", message, { details: { expression: source } });
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== "VALUE_MISSING") throw thrown;
    return "`when` reads a key that is not there";
  }
}

function readDate(value: Json, timezone: string): number {
  // Finer fractions than milliseconds are cut: dates of runs have none.
  const text = typeof value === "string" ? value.replace(/(\.\d{3})\d+/, "$1") : "";
  const read = parseWallText(text);
  if (read !== null) return startOf(read, openZone(timezone));
  throw new AppError("EXPRESSION_FAILED", `\`logical_date\` gives ${JSON.stringify(value)}, which is no time`, {
    details: { field: "logical_date" },
  });
}

function compile({ name }: WebhookDefinition, place: string, text: string): Expression {
  const { expression, issues } = compileExpression(text);
  if (expression !== null) return expression;
  throw new AppError(
    "INVALID_DEFINITION",
    `\`${place}\` of webhook ${name} can't be used: ${issues[0]?.message ?? text}`,
  );
}

/** The headers that an expression names, and nothing of a run: there is none yet. */
function scopeOf(definition: Definition, { names }: Expression, request: WebhookRequest): Scope {
  const read = names.flatMap(({ roots }) => roots.filter(({ name }) => name === "headers"));
  const headers = read.flatMap(({ field }) => {
    const value = field === null ? null : request.header(field);
    return field === null || value === null ? [] : [[field, value] as const];
  });
  return {
    doubles: doublesOf(definition.parameters),
    context: {
      params: {},
      logicalAt: 0,
      intervalStartAt: 0,
      intervalEndAt: 0,
      now: 0,
      timezone: definition.timezone,
      run: { dag_run_id: "", dag_id: definition.id, run_type: "webhook", start_date: null },
      taskInstance: { task_id: "", try_number: 0, max_tries: 0 },
      outputs: () => undefined,
      tempDir: "",
      webhook: { body: request.body, headers: Object.fromEntries(headers) },
    },
  };
}
