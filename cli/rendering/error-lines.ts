import type { AppError } from "#errors/app-error.ts";
import { errorCatalog } from "#errors/catalog.ts";
import type { Paint } from "./paint.ts";
import { harmlessLine } from "./terminal-text.ts";

/** An error for people: its message, the problems that it lists, its cause where it is ours to find, code and what to do. */
export function renderError(error: AppError, paint: Paint): readonly string[] {
  const [first = "", ...rest] = error.message.split("\n").map(harmlessLine);
  const lines = [`${paint("red", "error:", "bold")} ${first}`, ...rest.map((line) => `  ${line}`)];
  for (const problem of listedProblems(error)) if (!error.message.includes(problem)) lines.push(`  ${problem}`);
  if (error.code === "INTERNAL" && error.cause instanceof Error) {
    lines.push(
      ...(error.cause.stack ?? error.cause.message).split("\n").map((line) => paint("gray", `  ${harmlessLine(line)}`)),
    );
  }
  lines.push(paint("gray", `  ${error.code}: ${errorCatalog[error.code].advice}`));
  return lines;
}

/** `details.problems` or `details.errors` as lines `file:line:column CODE message (hint)`, where the error carries any. */
function listedProblems(error: AppError): readonly string[] {
  const problems = error.details["problems"] ?? error.details["errors"];
  if (!Array.isArray(problems)) return [];
  return problems.filter(isRecord).map((problem) => {
    const place = [problem["file"], problem["line"], problem["column"]].filter(isTextOrNumber).join(":");
    const hint = typeof problem["hint"] === "string" && problem["hint"] !== "" ? ` (${problem["hint"]})` : "";
    const code = typeof problem["code"] === "string" ? `${problem["code"]} ` : "";
    return harmlessLine(`${place}${place === "" ? "" : " "}${code}${String(problem["message"])}${hint}`);
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && "message" in value;
}

function isTextOrNumber(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
