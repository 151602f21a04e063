/*
 * What has to be known of an expression before CEL parses it: where it ends, where its pipes and arguments are.
 * Strings and comments are skipped, brackets are counted. Offsets are places in the text that is given.
 */

export interface TextPart {
  readonly text: string;
  /** Where the part begins in the text that it was cut from. */
  readonly offset: number;
}

/** The place of the `}}` that ends an expression whose body begins at `start`; −1 when there is none. */
export function findExpressionEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at = skipToken(text, at)) {
    if (at === -1) return -1;
    const character = text.charAt(at);
    if (character === "{") depth += 1;
    else if (character === "}" && depth > 0) depth -= 1;
    else if (character === "}" && text.charAt(at + 1) === "}") return at;
  }
  return -1;
}

/** The parts between single pipes that stand outside strings and brackets. */
export function splitPipes(body: string): TextPart[] {
  const pipes = topLevel(body, "|").filter((at) => body.charAt(at - 1) !== "|" && body.charAt(at + 1) !== "|");
  return cutAt(body, pipes);
}

/** The arguments between commas that stand outside strings and brackets; none for white space alone. */
export function splitArguments(text: string): TextPart[] {
  return text.trim() === "" ? [] : cutAt(text, topLevel(text, ","));
}

/** The place of the bracket that closes the one at `open`; −1 when there is none. */
export function findClosing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at !== -1 && at < text.length; at = skipToken(text, at)) {
    const character = text.charAt(at);
    if (opening.has(character)) depth += 1;
    else if (closing.has(character)) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

const opening = new Set(["(", "[", "{"]);
const closing = new Set([")", "]", "}"]);

function topLevel(text: string, wanted: string): number[] {
  const found: number[] = [];
  let depth = 0;
  for (let at = 0; at !== -1 && at < text.length; at = skipToken(text, at)) {
    const character = text.charAt(at);
    if (opening.has(character)) depth += 1;
    else if (closing.has(character)) depth -= 1;
    else if (character === wanted && depth === 0) found.push(at);
  }
  return found;
}

function cutAt(text: string, places: readonly number[]): TextPart[] {
  const starts = [0, ...places.map((place) => place + 1)];
  return starts.map((offset, index) => ({ text: text.slice(offset, places[index] ?? text.length), offset }));
}

/** The place after the character, string or comment at `at`; −1 when a string does not end. */
export function skipToken(text: string, at: number): number {
  const character = text.charAt(at);
  if (character === '"' || character === "'") return skipString(text, at);
  if (character === "/" && text.charAt(at + 1) === "/") {
    const newline = text.indexOf("\n", at);
    return newline === -1 ? text.length : newline;
  }
  return at + 1;
}

function skipString(text: string, start: number): number {
  const quote = text.charAt(start);
  const mark = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  const isRaw = /(?<![A-Za-z0-9_])(?:[rR][bB]?|[bB][rR])$/.test(text.slice(Math.max(0, start - 3), start));
  for (let at = start + mark.length; at < text.length; at += 1) {
    if (text.charAt(at) === "\\" && !isRaw) at += 1;
    else if (text.startsWith(mark, at)) return at + mark.length;
  }
  return -1;
}

const xcomCall = /\bxcom_pull\s*\(/g;
const keywordArgument = /^(\s*)([A-Za-z_]\w*)\s*=(?!=)\s*/;
const xcomParameters: ReadonlyMap<string, number> = new Map([
  ["task", 0],
  ["task_id", 0],
  ["task_ids", 0],
  ["key", 1],
]);

/**
 * Turns the keyword form `xcom_pull(task_ids='t', key='k')` into `xcom_pull('t','k')`, filled up with spaces to the
 * same length, so that places in the rest of the text stay. A call that can't be read is left as it is.
 */
export function rewriteXcomPull(body: string): string {
  if (!body.includes("xcom_pull")) return body;
  let result = body;
  for (const match of body.matchAll(xcomCall)) {
    const open = match.index + match[0].length - 1;
    const close = findClosing(result, open);
    if (close === -1) continue;
    const positional = toPositional(splitArguments(result.slice(open + 1, close)));
    if (positional === null) continue;
    result = result.slice(0, open + 1) + positional.padEnd(close - open - 1) + result.slice(close);
  }
  return result;
}

function toPositional(given: readonly TextPart[]): string | null {
  const placed: (string | undefined)[] = [];
  for (const [index, { text }] of given.entries()) {
    const keyword = keywordArgument.exec(text);
    const place = keyword === null ? index : xcomParameters.get(keyword[2] ?? "");
    if (place === undefined || placed[place] !== undefined) return null;
    placed[place] = keyword === null ? text.trim() : text.slice(keyword[0].length).trim();
  }
  return placed.includes(undefined) ? null : placed.join(",");
}
