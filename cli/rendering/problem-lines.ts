import type { Problem } from "#definition/model.ts";
import type { Paint } from "./paint.ts";
import { harmlessLine } from "./terminal-text.ts";

/** `file:line:column CODE message (hint)`, errors first, warnings apart under a title. */
export function renderProblems(problems: readonly Problem[], paint: Paint): readonly string[] {
  const errors = problems.filter((problem) => !problem.warning);
  const warnings = problems.filter((problem) => problem.warning);
  const lines = errors.map((problem) => problemLine(problem, paint));
  if (warnings.length > 0) {
    lines.push(
      paint("yellow", `${warnings.length} warning(s):`),
      ...warnings.map((problem) => problemLine(problem, paint)),
    );
  }
  return lines;
}

/** Problems as annotations of a workflow of GitHub Actions. */
export function renderGithubProblems(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ file, line, column, code, message, hint, warning }) => {
    const properties = { file, line: String(line), col: String(column), title: code };
    const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
    return `::${warning ? "warning" : "error"} ${list.join(",")}::${escapeData(hint === "" ? message : `${message} (${hint})`)}`;
  });
}

function problemLine({ file, line, column, code, message, hint, warning }: Problem, paint: Paint): string {
  const place = harmlessLine(`${file}:${line}:${column}`);
  const advice = hint === "" ? "" : ` (${harmlessLine(hint)})`;
  return `${place} ${paint(warning ? "yellow" : "red", code)} ${harmlessLine(message)}${advice}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
