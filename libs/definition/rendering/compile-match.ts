import { AppError } from "#errors/app-error.ts";
import { evaluateToJson } from "../expressions/evaluate-expression.ts";
import { createStepBudget } from "../expressions/evaluation-steps.ts";
import { compileExpression } from "../expressions/expression.ts";
import { definitionLimits } from "../limits.ts";
import type { MessageView, RenderContext } from "./render-context.ts";

const nothingOfARun: RenderContext = {
  params: {},
  logicalAt: 0,
  intervalStartAt: 0,
  intervalEndAt: 0,
  now: 0,
  timezone: "UTC",
  run: { dag_run_id: "", dag_id: "", run_type: "sensor", start_date: null },
  taskInstance: { task_id: "", try_number: 0, max_tries: 0 },
  outputs: () => undefined,
  tempDir: "",
};

/**
 * Tells which messages a condition means. One that reads a key which is not there does not hold: messages of many kinds
 * share topics. What it answers throws EXPRESSION_FAILED for a message that can't be judged.
 */
export function compileMatch(text: string): (message: MessageView) => boolean {
  const { expression, issues } = compileExpression(text);
  if (expression === null) {
    throw new AppError(
      "INVALID_DEFINITION",
      `\`match: ${text}\` can't be used: ${issues[0]?.message ?? "it is wrong"}`,
    );
  }
  const doubles = new Set<string>();
  return (message) => {
    try {
      const context = { ...nothingOfARun, message };
      const value = evaluateToJson(expression, {
        context,
        doubles,
        steps: createStepBudget(definitionLimits.shortSteps),
      });
      if (typeof value === "boolean") return value;
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === "VALUE_MISSING") return false;
      throw thrown;
    }
    throw new AppError("EXPRESSION_FAILED", `\`match: ${text}\` gives no true or false`);
  };
}
