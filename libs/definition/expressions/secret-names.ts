import type { ExpressionIssue, ExpressionNames } from "./expression-names.ts";
import type { Finding } from "../problem-list.ts";

/** What names of secrets consist of. */
export const secretNamePattern = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/;
const hint = "write text around the braces: `Bearer {{ secrets.token }}`";

/** What is wrong with the steps after `secrets`; null when nothing is. */
export function secretStepIssue([name, ...more]: readonly string[]): Finding | null {
  if (name !== undefined && more.length === 0 && secretNamePattern.test(name)) return null;
  return {
    code: "UNKNOWN_NAME",
    message: "`secrets` needs the name of one secret: letters, digits, hyphens and underscores",
    hint: "write `secrets.name`",
  };
}

/** An expression with a secret is nothing else: whoever renders it does not know the secret, and can't compute with it. */
export function secretUseIssue(
  names: readonly ExpressionNames[],
  { isPlainPath }: { isPlainPath: boolean },
): ExpressionIssue | null {
  const read = names.flatMap(({ roots }) => roots).find(({ name }) => name === "secrets");
  if (read === undefined || isPlainPath) return null;
  return {
    offset: read.offset,
    code: "SECRET_EXPRESSION",
    message: "a secret stands alone: only the worker knows it, so nothing can be computed with it here",
    hint,
  };
}

/** Whether an expression is a secret. */
export function isSecret({ names }: { readonly names: readonly ExpressionNames[] }): boolean {
  return names.some(({ roots }) => roots.some(({ name }) => name === "secrets"));
}
