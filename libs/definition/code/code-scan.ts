import { findExpressionEnd } from "../expressions/cel-text.ts";
import type { ExpressionIssue } from "../expressions/expression-names.ts";
import type { Json } from "../model.ts";

/** What may be put in the place of an expression. */
export type CodePlace =
  /** Plain text: the value's own text. */
  | { readonly kind: "text" }
  /** A reference to an environment variable, `${NAME}`, between these two texts. */
  | { readonly kind: "shell"; readonly before: string; readonly after: string }
  /** The value's text, escaped for a Python string literal. */
  | { readonly kind: "python_string" }
  /** The value as a Python literal. */
  | { readonly kind: "python_literal" }
  /** The value as a parameter of the query. */
  | { readonly kind: "sql_value" }
  /** The value as the name of a table or column. */
  | { readonly kind: "sql_name" }
  /** Only `raw` may stand here; `wantsName`: in SQL, a name may as well. */
  | { readonly kind: "refused"; readonly reason: string; readonly hint?: string; readonly wantsName?: boolean };

/** One expression in a text: from `start` (its `{{`) to `end` (after its `}}`). */
export interface Hole {
  readonly start: number;
  readonly end: number;
  readonly body: string;
  readonly place: CodePlace;
}

export interface CodeScan {
  readonly holes: readonly Hole[];
  readonly issues: readonly ExpressionIssue[];
}

export function refused(reason: string): CodePlace {
  return { kind: "refused", reason };
}

/** The expression that begins at `start`; its end is −1 when it has none. */
export function readHole(text: string, start: number, place: CodePlace): Hole {
  const close = findExpressionEnd(text, start + 2);
  return { start, end: close === -1 ? -1 : close + 2, body: close === -1 ? "" : text.slice(start + 2, close), place };
}

export function unbalanced(offset: number): ExpressionIssue {
  return {
    offset,
    code: "UNBALANCED_BRACES",
    message: "`{{` has no matching `}}`, or a quote within is not closed",
    hint: "to write {{ as text use {{ '{{' }}",
  };
}

export function tooDeeplyNested(offset: number): ExpressionIssue {
  return {
    offset,
    code: "UNSAFE_PLACE",
    message: "the code is nested too deeply here for the places of expressions to be told",
  };
}

/** Whether an expression stands in a value or within it. */
export function hasExpression(value: Json): boolean {
  if (typeof value === "string") return value.includes("{{");
  return typeof value === "object" && value !== null && Object.values(value).some(hasExpression);
}
