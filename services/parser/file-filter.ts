/** Parts of a base name that editors and copies leave behind. */
const ignoredParts = [".bak", ".backup", ".tmp", ".swp", "~"];

/** Longer patterns are refused. */
const maxPatternLength = 1000;

/** Files beside a definition that hold tests of it. */
const testName = /\.test\.ya?ml$/;

/** Whether a file is left alone for its base name: hidden, a backup or half-written copy, or tests of a workflow. */
export function isIgnoredName(baseName: string): boolean {
  return baseName.startsWith(".") || testName.test(baseName) || ignoredParts.some((part) => baseName.includes(part));
}

/**
 * Tells which paths, relative and with `/`, a pattern means: `*` and `?` within a name, `**` any folders, `[a-z]`, and
 * `{a,b}` alternatives, which don't nest. Throws RangeError for a pattern that is too long.
 */
export function compileFilePattern(pattern: string): (path: string) => boolean {
  if (pattern.length > maxPatternLength)
    throw new RangeError(`the file pattern has more than ${maxPatternLength} characters`);
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|\{[^}]*\}|[^*?]/g, (part) => translate(part));
  const expression = new RegExp(`^${source}$`, "u");
  return (path) => expression.test(path);
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
    return characters === "" ? escapeText(part) : `[${isNegated ? "^/" : ""}${characters}]`;
  }
  if (part.length > 1 && part.startsWith("{")) {
    const alternatives = part.slice(1, -1).split(",");
    return `(?:${alternatives.map((each) => each.replaceAll(/\*|\?|[^*?]/g, (piece) => translate(piece))).join("|")})`;
  }
  return escapeText(part);
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
