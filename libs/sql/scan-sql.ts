import { type DialectRules, dialectRules, type SqlDialect } from "./sql-dialect.ts";
import { SqlCursor } from "./sql-cursor.ts";
import type { SqlHole, SqlScan } from "./sql-statement.ts";

/**
 * Splits SQL into statements and tells what each hole in it is; holes are in their order and don't overlap. A value never
 * stands in the text, so where the scanner reads a text otherwise than the database, a query fails; no value changes it.
 */
export function scanSql(text: string, holes: readonly SqlHole[], dialect: SqlDialect): SqlScan {
  const scanner = new SqlScanner(text, holes, dialectRules[dialect]);
  scanner.scan();
  return { statements: scanner.statements, issues: scanner.issues, ignored: scanner.ignored };
}

const wordPattern = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const numberPattern = /\d[\p{L}\p{N}_.]*/uy;
const dollarPattern = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;
const numberedPattern = /\$\d{1,5}/y;
const namedPattern = /:[A-Za-z_][A-Za-z0-9_]*/y;
/** What may not stand beside a value without a blank between. */
const joinsBefore = /[\p{L}\p{N}_$@"'`\]\\]/u;
const joinsAfter = /[\p{L}\p{N}_$@"'`\\]/u;
const joinsName = /[\p{L}\p{N}_$@"'`\\]/u;
const touches = "it touches a name, a number, a quote or another expression";
/** Characters after a word that tell what it is. */
const lookAhead = 20;

class SqlScanner extends SqlCursor {
  readonly #rules: DialectRules;

  constructor(text: string, holes: readonly SqlHole[], rules: DialectRules) {
    super(text, holes);
    this.#rules = rules;
  }

  scan(): void {
    while (!this.isAtEnd) this.#step();
    this.endStatement();
  }

  #step(): void {
    const { character } = this;
    if (this.isAtHole) this.#codeHole();
    else if (/\s/.test(character)) this.at += 1;
    else if (this.#comment()) return;
    else if (character === ";" && this.words.isAtTopLevel) {
      this.endStatement();
      this.at += 1;
    } else {
      this.begin();
      this.#code(character);
    }
  }

  #code(character: string): void {
    const nameEnd = this.#rules.nameQuotes.get(character);
    if (character === "'") return this.#literal();
    if (nameEnd !== undefined) return this.#quoted(character, nameEnd);
    if (this.#dollarQuoted() || this.#parameter(character)) return;
    const word = this.match(wordPattern);
    if (word === null) {
      this.at += this.match(numberPattern)?.length ?? 1;
      this.words.addMark(character);
      return;
    }
    this.at += word.length;
    this.words.add(word, this.text.slice(this.at, this.at + lookAhead));
  }

  /** An expression that stands bare. */
  #codeHole(): void {
    const place = this.hole;
    const hole = this.holes[place];
    if (hole === undefined) return;
    this.begin();
    const touchesHole = this.holes[place - 1]?.end === hole.start || this.holes[place + 1]?.start === hole.end;
    const after = this.text.charAt(hole.end);
    if (hole.isName) {
      if (touchesHole || joinsName.test(this.before) || joinsName.test(after)) this.refuse(touches);
    } else if (this.words.expectsName || this.before === "." || after === "." || after === "(") {
      this.refuse("it stands in the place of a name", { needsName: true });
    } else if (touchesHole || joinsBefore.test(this.before) || joinsAfter.test(after)) this.refuse(touches);
    this.passHole();
    this.replace(hole.start, hole.end, { kind: hole.isName ? "name" : "value", hole: place });
    this.words.addMark("");
  }

  /** A literal: as it stands, or one parameter when holes stand in it. */
  #literal(): void {
    const start = this.at;
    const reason = this.#literalRefusal();
    const escapes =
      this.#rules.escapesByBackslash || /(?:^|[^\p{L}\p{N}_$])[eE]$/u.test(this.text.slice(0, start).slice(-2));
    const pieces: (string | number)[] = [];
    let pieceStart = start + 1;
    let hasBackslash = false;
    const endPiece = (): void => {
      if (this.at > pieceStart) pieces.push(this.text.slice(pieceStart, this.at).replaceAll("''", "'"));
    };
    this.at += 1;
    while (!this.isAtEnd) {
      if (this.isAtHole) {
        endPiece();
        pieces.push(this.hole);
        if (this.holes[this.hole]?.isName === true) this.refuse("a name can't stand in a literal; remove `| ident`");
        else if (reason !== null) this.refuse(reason);
        this.passHole();
        pieceStart = this.at;
      } else if (this.character === "'" && !this.startsWith("'", 1)) break;
      else {
        const isEscape = escapes && this.character === "\\";
        hasBackslash ||= isEscape;
        this.at += isEscape || this.character === "'" ? 2 : 1;
      }
    }
    const problem = this.isAtEnd ? "the literal that it stands in has no end" : hasBackslash ? backslashed : null;
    endPiece();
    this.at += 1;
    this.words.addMark("'");
    const holes = pieces.filter((piece) => typeof piece === "number");
    const [first] = holes;
    if (first === undefined) return;
    if (problem !== null) for (const hole of holes) this.refuse(problem, { hole });
    this.replace(start, this.at, pieces.length === 1 ? { kind: "value", hole: first } : { kind: "text", pieces });
  }

  #literalRefusal(): string | null {
    if (joinsBefore.test(this.before) || this.before === "&")
      return "the literal that it stands in has a prefix, or touches something else";
    if (!this.#rules.literalTypes.has(this.words.previous)) return null;
    const type = this.words.previous.toLowerCase();
    return `a literal after ${type} takes no value; write CAST('…' AS ${type}) with the expression in the quotes`;
  }

  /** A quoted name, or text in double quotes: nothing may come in there. */
  #quoted(quote: string, end: string): void {
    const escapes = this.#rules.escapesByBackslash && quote === '"';
    this.region(`it stands in a quoted name; write it without ${quote} ${end} and with \`| ident\``, () => {
      if (escapes && this.character === "\\") return 2;
      if (quote === end && this.startsWith(end + end)) return 2;
      return this.startsWith(end) ? -1 : 1;
    });
    this.words.addMark(quote);
  }

  #dollarQuoted(): boolean {
    const tag = this.#rules.quotesByDollar ? this.match(dollarPattern) : null;
    if (tag === null) return false;
    this.at += tag.length - 1;
    this.region("it stands in a text between dollar signs", () => (this.startsWith(tag) ? -tag.length : 1));
    this.words.addMark("$");
    return true;
  }

  #comment(): boolean {
    const { commentsAsMysql, nestsComments } = this.#rules;
    const isLine = commentsAsMysql
      ? this.character === "#" || /^--(?:\s|$)/.test(this.text.slice(this.at, this.at + 3))
      : this.startsWith("--");
    if (isLine) {
      this.region(null, () => (this.character === "\n" ? -1 : 1));
      return true;
    }
    if (!this.startsWith("/*")) return false;
    const isRun = commentsAsMysql && this.startsWith("/*!");
    if (isRun) this.begin();
    let depth = 1;
    this.at += 1;
    this.region(isRun ? "it stands in a comment that MySQL runs" : null, () => {
      if (this.startsWith("*/")) {
        depth -= 1;
        return depth === 0 ? -2 : 2;
      }
      if (!nestsComments || !this.startsWith("/*")) return 1;
      depth += 1;
      return 2;
    });
    return true;
  }

  /** `:name`, `$1` and `?` in code; `::`, slices and names with a dollar sign are none. */
  #parameter(character: string): boolean {
    if (/[\p{L}\p{N}_$:\]]/u.test(this.before)) return false;
    const isMark = character === "?" && this.#rules.hasQuestionMark;
    const found = isMark ? "?" : (this.match(namedPattern) ?? this.match(numberedPattern));
    if (found === null) return false;
    this.replace(this.at, this.at + found.length, {
      kind: "parameter",
      name: isMark ? "?" : found.slice(1),
      text: found,
    });
    this.words.addMark(found);
    return true;
  }
}

const backslashed = "the literal that it stands in has a backslash; put the whole text into the expression";
