import { skipToken, splitPipes } from "../expressions/cel-text.ts";

/** A name with a leading dot, `.region`: it is filled in when the template is instantiated. */
export interface DottedName {
  readonly name: string;
  /** The places of its dot and of its end in the expression. */
  readonly start: number;
  readonly end: number;
}

/** Names that may have a leading dot and are read at run time all the same. */
const runtimeNames: ReadonlySet<string> = new Set(["execution_date", "temp_dir"]);

/** Names that no parameter of a template may have. */
export const reservedNames: ReadonlySet<string> = new Set([...runtimeNames, "template"]);

const wordAt = /[A-Za-z_]\w*/y;
const filterName = /^\s*[A-Za-z_]\w*/;

/** The names with a leading dot in an expression; a dot after a value is a step into it. */
export function dottedNames(body: string): readonly DottedName[] {
  return splitPipes(body).flatMap(({ text, offset }, index) => {
    // What follows the name of a filter is its arguments.
    const skipped = index === 0 ? 0 : (filterName.exec(text)?.[0].length ?? 0);
    return namesIn(text.slice(skipped), offset + skipped);
  });
}

function namesIn(text: string, offset: number): DottedName[] {
  const found: DottedName[] = [];
  let before = "";
  for (let at = 0; at !== -1 && at < text.length; ) {
    const word = matchWord(text, at);
    const dotted = text.charAt(at) === "." && !isValueEnd(before) ? matchWord(text, at + 1) : null;
    if (dotted !== null) found.push({ name: dotted, start: offset + at, end: offset + at + 1 + dotted.length });
    const end = dotted !== null ? at + 1 + dotted.length : word !== null ? at + word.length : skipToken(text, at);
    const token = end === -1 ? "" : text.slice(at, end);
    if (token.trim() !== "") before = token;
    at = end;
  }
  return found;
}

function matchWord(text: string, at: number): string | null {
  wordAt.lastIndex = at;
  return wordAt.exec(text)?.[0] ?? null;
}

/** Whether a dot after the token is a step into what the token ends. */
function isValueEnd(token: string): boolean {
  return token !== "in" && /[\w)\]}"']$/.test(token);
}

/** Names read at run time lose their dot; the text keeps its length, so that places in it stay. */
export function withoutRuntimeDots(body: string): string {
  return replaceNames(body, dottedNames(body), ({ name }) => (runtimeNames.has(name) ? ` ${name}` : `.${name}`));
}

/** The expression with each of the names replaced. */
export function replaceNames(
  body: string,
  names: readonly DottedName[],
  replacement: (name: DottedName) => string,
): string {
  let result = "";
  let end = 0;
  for (const name of names) {
    result += body.slice(end, name.start) + replacement(name);
    end = name.end;
  }
  return result + body.slice(end);
}

/** Whether the value of the expression may be missing: its first filter is `default`. */
export function hasDefault(body: string): boolean {
  const [, first] = splitPipes(body);
  return first !== undefined && /^\s*default\b/.test(first.text);
}
