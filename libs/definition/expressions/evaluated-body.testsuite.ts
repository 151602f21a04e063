import type { Json, JsonObject } from "../model.ts";
import { plainContext } from "../rendering/plain-context.testsuite.ts";
import { evaluateToJson } from "./evaluate-expression.ts";
import { compileExpression } from "./expression.ts";

/** What an expression comes to that sees these parameters and nothing else. */
export function evaluateBody(body: string, params: JsonObject): Json {
  const { expression, issues } = compileExpression(body);
  if (expression === null) throw new Error(issues[0]?.message);
  return evaluateToJson(expression, { context: plainContext(params), doubles: new Set() });
}
