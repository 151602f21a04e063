import { RE2JS } from "re2js";

/**
 * Tells which files, by their path below the folder with `/`, a pattern means: `*` and `?` within a name, `**` any
 * folders, `[a-z]`, and `{a,b}` alternatives, which don't nest. A pattern without `/` means names in any folder. Takes
 * linear time, whatever the pattern.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]*\}|[^*?]/gu, translate);
  const expression = RE2JS.compile(source, RE2JS.DOTALL);
  const isPath = pattern.includes("/");
  return (path) => expression.testExact(isPath ? path : path.slice(path.lastIndexOf("/") + 1));
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
