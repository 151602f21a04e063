import { inspect } from "node:util";
import type { OperatorContext, OperatorResult } from "./operator.ts";
import type { TaskContext, TaskLogger } from "./task-context.ts";
import { createTaskLogger } from "./task-logger.ts";

const outputKey = "return_value";
const maxOutputBytes = 1024 * 1024;

export function toTaskContext({ attempt, parameters, signal, log }: OperatorContext): TaskContext {
  const { dagId, dagRunId: runId, taskId, tryNumber, maxTries, logicalDate, idempotencyKey } = attempt;
  const logger = createTaskLogger(log);
  return { dagId, runId, taskId, tryNumber, maxTries, logicalDate, idempotencyKey, parameters, signal, logger };
}

/**
 * Runs code that is not ours, and says what came of it: what it returned is the output `return_value`, what it threw a
 * failure whose stack is in the log. Never rejects.
 */
export async function runOwnCode(run: () => unknown, logger: TaskLogger): Promise<OperatorResult> {
  try {
    const returned = await run();
    return returned === undefined ? { kind: "success" } : toSuccess(returned);
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === "SkipTask") return skipped(thrown, logger);
    logger.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown));
    return toFailure(thrown);
  }
}

function skipped(reason: Error, logger: TaskLogger): OperatorResult {
  if (reason.message !== "") logger.info(`skipped: ${reason.message}`);
  return { kind: "skipped" };
}

/** The value as it will be read back: a date is text from here on, what refers to itself is refused. */
function toSuccess(returned: unknown): OperatorResult {
  let json: string | undefined;
  try {
    json = JSON.stringify(returned);
  } catch (error) {
    return invalidOutput(
      `the returned value has no JSON form: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (json === undefined) return invalidOutput(`the returned ${typeof returned} has no JSON form; return data`);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxOutputBytes) {
    return invalidOutput(
      `the returned value has ${bytes} bytes; at most ${maxOutputBytes} are kept: return a reference`,
    );
  }
  return { kind: "success", outputs: { [outputKey]: JSON.parse(json) as unknown } };
}

function invalidOutput(message: string): OperatorResult {
  return { kind: "failed", code: "invalid_output", message };
}

function toFailure(thrown: unknown): OperatorResult {
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `it threw ${inspect(thrown)}`;
  if (typeof thrown !== "object" || thrown === null) return { kind: "failed", code: "failed", message };
  const { retryable, retryAfterMs } = thrown as { readonly retryable?: unknown; readonly retryAfterMs?: unknown };
  return {
    kind: "failed",
    code: "failed",
    message,
    ...(typeof retryable === "boolean" ? { retryable } : {}),
    ...(typeof retryAfterMs === "number" && retryAfterMs >= 0 ? { retryAfterMs } : {}),
  };
}
