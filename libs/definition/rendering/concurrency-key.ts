import { AppError } from "#errors/app-error.ts";
import { doublesOf } from "./compile-definition.ts";
import { evaluateToText } from "../expressions/evaluate-expression.ts";
import { compileExpression } from "../expressions/expression.ts";
import type { Definition } from "../model.ts";
import type { RenderContext } from "./render-context.ts";

/** A key is part of a name; what is longer says too much. */
const maxKeyLength = 500;

/** What the runs of a definition share a limit by; null: it has none, or the key of this run is empty. */
export function resolveConcurrencyKey(definition: Definition, context: RenderContext): string | null {
  const { concurrency } = definition;
  if (concurrency === undefined) return null;
  const { expression } = compileExpression(concurrency.key);
  if (expression === null) throw failure(concurrency.key, "can't be read");
  const key = evaluateToText(expression, { context, doubles: doublesOf(definition.parameters) });
  if (key.length > maxKeyLength) throw failure(concurrency.key, `gives more than ${maxKeyLength} characters`);
  return key === "" ? null : key;
}

function failure(source: string, message: string): AppError {
  return new AppError("EXPRESSION_FAILED", `\`concurrency.key: ${source}\` ${message}`, {
    details: { expression: source },
  });
}
