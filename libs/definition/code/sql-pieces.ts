import { evaluateToJson, evaluateToText, type Scope } from "../expressions/evaluate-expression.ts";
import type { Json } from "../model.ts";
import type { Template } from "./template.ts";

/**
 * SQL as a worker gets it: a list of its text and, where expressions stood, `{value}` or `{name}`. The worker binds the
 * values and quotes the names as its database wants it.
 */
export function renderSqlPieces({ pieces }: Template, scope: Scope): Json {
  return pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    const { expression, place } = piece;
    if (place.kind === "sql_name") return { name: unquoted(evaluateToText(expression, scope)) };
    return { value: evaluateToJson(expression, scope) };
  });
}

/** Without the quotes that the filter `ident` put around. */
function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll('""', '"');
}
