/** After these a name follows, never a value. */
const beforeNames: ReadonlySet<string> = new Set([
  "AS",
  "BY",
  "COLUMN",
  "CONSTRAINT",
  "DATABASE",
  "EXISTS",
  "FROM",
  "FUNCTION",
  "INDEX",
  "INTO",
  "JOIN",
  "PROCEDURE",
  "REFERENCES",
  "SCHEMA",
  "SEQUENCE",
  "SET",
  "TABLE",
  "TRIGGER",
  "TRUNCATE",
  "UPDATE",
  "VIEW",
]);
/** Functions with a FROM of their own, after which a value follows. */
const fromFunctions: ReadonlySet<string> = new Set(["EXTRACT", "OVERLAY", "SUBSTRING", "TRIM"]);
/** What may have a body of statements. */
const withBody: ReadonlySet<string> = new Set(["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"]);
/** Words of a statement that are looked at to tell what it is. */
const maxWords = 8;

/** Follows the words and brackets of one statement. */
export class StatementWords {
  /** The first ones, in upper case. */
  readonly first: string[] = [];
  /** The word before this place, in upper case; empty after anything else. */
  previous = "";
  #beforePrevious = "";
  /** The word before each open bracket. */
  readonly #openers: string[] = [];
  #blocks = 0;

  /** `rest` is the text after the word. */
  add(word: string, rest: string): void {
    const upper = word.toUpperCase();
    if (this.first.length < maxWords) this.first.push(upper);
    if (this.#hasBody) this.#countBlock(upper, rest);
    this.#beforePrevious = this.previous;
    this.previous = upper;
  }

  /** Anything that is neither word, blank nor comment. */
  addMark(mark: string): void {
    if (mark === "(") this.#openers.push(this.previous);
    if (mark === ")") this.#openers.pop();
    this.#beforePrevious = "";
    this.previous = "";
  }

  /** Whether a semicolon here ends the statement. */
  get isAtTopLevel(): boolean {
    return this.#openers.length === 0 && this.#blocks <= 0;
  }

  /** Whether a name must follow here. */
  get expectsName(): boolean {
    if (this.previous !== "FROM") return beforeNames.has(this.previous);
    return this.#beforePrevious !== "DISTINCT" && !fromFunctions.has(this.#openers.at(-1) ?? "");
  }

  get #hasBody(): boolean {
    return this.first[0] === "CREATE" && this.first.some((word) => withBody.has(word));
  }

  /** `BEGIN … END` and `CASE … END`; `END IF` and its like end what no word here began. */
  #countBlock(word: string, rest: string): void {
    if (word === "BEGIN") this.#blocks += 1;
    else if (word === "CASE" && this.previous !== "END") this.#blocks += 1;
    else if (word === "END" && !/^\s+(?:if|loop|while|repeat)\b/i.test(rest.slice(0, 20))) this.#blocks -= 1;
  }
}
