import { AppError } from "#errors/app-error.ts";

/** A chain of causes longer than this is cut. */
const maxCauses = 5;

/**
 * The fields of a log call with its `err` replaced by `error` (message and causes), `error_type` (the catalogue's code,
 * else the class), `caller` (where it was made) and, for errors that only a bug can raise, `stack`.
 */
export function errorFields(fields: Record<string, unknown>): Record<string, unknown> {
  if (!("err" in fields)) return fields;
  const { err, ...others } = fields;
  if (!(err instanceof Error)) return { ...others, error: textOf(err), error_type: typeof err };
  const described = { ...others, error: messageWithCauses(err), error_type: typeOf(err) };
  const frames = stackFrames(rootOf(err));
  const caller = frames[0];
  const withCaller = caller === undefined ? described : { ...described, caller };
  return isExpected(err) || frames.length === 0 ? withCaller : { ...withCaller, stack: frames.join("\n") };
}

function typeOf(error: Error): string {
  if (error instanceof AppError) return error.code;
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  return code ?? error.name;
}

/** One of ours that is not a bug: its code and text say all. */
function isExpected(error: Error): boolean {
  return error instanceof AppError && error.kind !== "internal";
}

function messageWithCauses(error: Error): string {
  const messages: string[] = [];
  let current: unknown = error;
  while (current !== undefined && messages.length <= maxCauses) {
    messages.push(textOf(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.join(": caused by ");
}

function rootOf(error: Error): Error {
  let root = error;
  for (let depth = 0; depth < maxCauses && root.cause instanceof Error; depth += 1) root = root.cause;
  return root;
}

/** `function (file:line:column)` of each frame in our own code or a dependency, innermost first. */
function stackFrames(error: Error): string[] {
  return (error.stack ?? "")
    .split("\n")
    .filter((line) => line.startsWith("    at ") && !line.includes("node:internal"))
    .map((line) => line.slice("    at ".length));
}

function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : (JSON.stringify(thrown) ?? String(thrown));
}
