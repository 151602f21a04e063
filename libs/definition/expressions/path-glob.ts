import { RE2JS } from "re2js";
import { compilePattern, patternProblem } from "./text-pattern.ts";

/**
 * Tells which files, by their path below the folder with `/`, a pattern means: `*` and `?` within a name, `**` any
 * folders, `[a-z]`, and `{a,b}` alternatives, which don't nest. A pattern without `/` means names in any folder. Throws a
 * plain Error, whose message goes after the pattern's name, for too large a pattern; what it answers throws one for a path
 * that is too long for it.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const expression = compilePattern(expressionOf(pattern));
  const isPath = pattern.includes("/");
  return (path) => expression.test(isPath ? path : path.slice(path.lastIndexOf("/") + 1));
}

/** What is wrong with a pattern, to go after its name; null: nothing is. */
export function globProblem(pattern: string): string | null {
  return patternProblem(expressionOf(pattern));
}

function expressionOf(pattern: string): string {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]*\}|[^*?]/gu, translate);
  return `^(?s:${source})$`;
}

function translate(part: string): string {
  if (part === "**/") return "(?:[^/]+/)*";
  if (part === "**") return ".*";
  if (part === "*") return "[^/]*";
  if (part === "?") return "[^/]";
  if (part.length > 1 && part.startsWith("[")) {
    const inner = part.slice(1, -1);
    const isNegated = /^[!^]/.test(inner);
    const characters = (isNegated ? inner.slice(1) : inner).replaceAll(/[\\[\]^]/g, String.raw`\$&`);
    if (characters === "" || !isRange(characters)) return RE2JS.quote(part);
    return `[${isNegated ? "^/" : ""}${characters}]`;
  }
  if (part.length > 1 && part.startsWith("{")) {
    const alternatives = part.slice(1, -1).split(",");
    return `(?:${alternatives.map((each) => each.replaceAll(/\*|\?|[^*?]/gu, translate)).join("|")})`;
  }
  return RE2JS.quote(part);
}

/** Whether the characters can stand in a class: a range that falls, such as `z-a`, is text. */
function isRange(characters: string): boolean {
  return [...characters.matchAll(/(.)-(.)/gu)].every(([, from = "", to = ""]) => from <= to);
}
