import {
  type CodePlace,
  type CodeScan,
  type Hole,
  readHole,
  refused,
  tooDeeplyNested,
  unbalanced,
} from "./code-scan.ts";
import type { ExpressionIssue } from "../expressions/expression-names.ts";
import { definitionLimits } from "../limits.ts";

/**
 * Finds the expressions of Python code and what may be put in their places: escaped text inside a string literal, a
 * literal elsewhere. Raw, byte and formatted strings are refused, since escapes mean something else in them, and so
 * are places where a literal would join with what stands beside it. Comments are skipped: expressions there stay text.
 */
export function scanPython(text: string): CodeScan {
  const scanner = new PythonScanner(text);
  scanner.scan();
  return { holes: scanner.holes, issues: scanner.issues };
}

const stringStart = /(?:\b(?:[rR][bBfFtT]?|[bBfFtT][rR]?|[uU]))?(?:'''|"""|'|")/y;
const inString: CodePlace = { kind: "python_string" };
const literal: CodePlace = { kind: "python_literal" };
const unfinishedEscape = /^\\(?:N|x.?|u.{0,3}|U.{0,7}|[0-7]{1,2})$/;
const joins = /[\p{L}\p{N}_'"\\]/u;

class PythonScanner {
  readonly holes: Hole[] = [];
  readonly issues: ExpressionIssue[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Where the last escape of a string began. */
  #escapeAt = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    this.#code(null);
  }

  /** Code up to the end; inside a formatted string up to the `}`, or the `:` or `!`, that ends the embedded part. */
  #code(end: "}" | null): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (this.#startsWith("{{")) {
        this.#codeHole(end !== null);
        continue;
      }
      if (character === "#") {
        this.#at = this.#lineEnd();
        continue;
      }
      if (this.#string()) continue;
      if (end !== null && depth === 0 && (character === "}" || character === ":" || character === "!")) return;
      if ("([{".includes(character)) depth += 1;
      if (")]}".includes(character)) depth -= 1;
      this.#at += 1;
    }
  }

  #codeHole(isEmbedded: boolean): void {
    if (isEmbedded) return this.#hole(refused(formatted));
    const before = this.#text.slice(0, this.#at).at(-1) ?? "";
    const place = readHole(this.#text, this.#at, literal);
    const after = place.end === -1 ? "" : this.#text.slice(place.end, place.end + 2);
    const isJoined =
      joins.test(before) || joins.test(after.charAt(0)) || after === "{{" || this.holes.at(-1)?.end === this.#at;
    this.#hole(isJoined ? refused("it touches a name, a number, a quote or another expression") : literal);
  }

  /** Reads a string literal if one begins here. */
  #string(): boolean {
    stringStart.lastIndex = this.#at;
    const opening = stringStart.exec(this.#text)?.[0];
    if (opening === undefined) return false;
    const start = this.#at;
    const quote = opening.replace(/^[A-Za-z]+/, "");
    const prefix = opening.slice(0, -quote.length).toLowerCase();
    this.#at += opening.length;
    const isFormatted = /[ft]/.test(prefix);
    const refusal = prefix === "" || prefix === "u" ? null : refusalOf(prefix);
    while (this.#at < this.#text.length) {
      if (this.#startsWith(quote)) {
        this.#at += quote.length;
        return true;
      }
      if (this.#startsWith("{{")) this.#stringHole(refusal);
      else if (this.#startsWith("\\")) this.#escape();
      else if (isFormatted && this.#startsWith("{")) this.#embedded();
      else if (quote.length === 1 && this.#startsWith("\n")) break;
      else this.#at += 1;
    }
    if (this.holes.length > 0 || this.#text.includes("{{", start)) this.#unclosed(start);
    return true;
  }

  /** One `{…}` of a formatted string: code, then a format in which quotes mean nothing. */
  #embedded(): void {
    if (this.#depth === definitionLimits.codeNesting) {
      this.issues.push(tooDeeplyNested(this.#at));
      this.#at = this.#text.length;
      return;
    }
    this.#depth += 1;
    this.#at += 1;
    this.#code("}");
    while (this.#at < this.#text.length && !this.#startsWith("}")) {
      if (this.#startsWith("{{")) this.#hole(refused(formatted));
      else if (this.#startsWith("{")) this.#embedded();
      else this.#at += 1;
    }
    this.#at += 1;
    this.#depth -= 1;
  }

  #stringHole(refusal: string | null): void {
    const isEscaped = unfinishedEscape.test(this.#text.slice(this.#escapeAt, this.#at));
    const reason = refusal ?? (isEscaped ? "it would become part of the escape before it" : null);
    this.#hole(reason === null ? inString : refused(reason));
  }

  #escape(): void {
    this.#escapeAt = this.#at;
    if (this.#text.startsWith("{{", this.#at + 1)) {
      this.#at += 1;
      this.#hole(refused("a backslash stands before it; remove it"));
    } else this.#at += 2;
  }

  #hole(place: CodePlace): void {
    const hole = readHole(this.#text, this.#at, place);
    if (hole.end === -1) this.issues.push(unbalanced(hole.start));
    else this.holes.push(hole);
    this.#at = hole.end === -1 ? this.#text.length : hole.end;
  }

  #unclosed(offset: number): void {
    this.issues.push({
      offset,
      code: "UNSAFE_PLACE",
      message: "a string that begins here is not closed, so the places of expressions can't be told",
    });
  }

  #startsWith(mark: string): boolean {
    return this.#text.startsWith(mark, this.#at);
  }

  #lineEnd(): number {
    const newline = this.#text.indexOf("\n", this.#at);
    return newline === -1 ? this.#text.length : newline;
  }
}

const formatted = "it stands in a formatted string";

function refusalOf(prefix: string): string {
  if (/[ft]/.test(prefix)) return formatted;
  return prefix.includes("b") ? "it stands in a byte string" : "it stands in a raw string";
}
