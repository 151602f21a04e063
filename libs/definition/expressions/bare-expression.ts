import { findExpressionEnd } from "./cel-text.ts";

/**
 * `when` and `for_each` hold bare expressions; braces around all of one are accepted. `template` has them always;
 * places in it are `shift` characters later than in the text.
 */
export function bareTemplate(text: string): { readonly template: string; readonly shift: number } {
  return hasBraces(text) ? { template: text, shift: 0 } : { template: `{{${text}}}`, shift: 2 };
}

/** The expression without braces. */
export function bareExpression(text: string): string {
  return (hasBraces(text) ? text.trim().slice(2, -2) : text).trim();
}

function hasBraces(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.startsWith("{{") && findExpressionEnd(trimmed, 2) === trimmed.length - 2;
}
