import type { SqlHole, SqlIssue, SqlSegment, SqlStatement } from "./sql-statement.ts";
import { StatementWords } from "./statement-words.ts";

/** A place in SQL text, and what was found before it. Holes are passed as wholes: nothing in them is read. */
export class SqlCursor {
  readonly statements: SqlStatement[] = [];
  readonly issues: SqlIssue[] = [];
  readonly ignored: number[] = [];
  protected readonly text: string;
  protected readonly holes: readonly SqlHole[];
  protected at = 0;
  /** The next hole, counted. */
  protected hole = 0;
  protected words: StatementWords = new StatementWords();
  #start = -1;
  /** Where the code begins that is in no segment yet. */
  #codeStart = 0;
  #segments: SqlSegment[] = [];

  constructor(text: string, holes: readonly SqlHole[]) {
    this.text = text;
    this.holes = holes;
  }

  protected get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  protected get character(): string {
    return this.text.charAt(this.at);
  }

  protected get before(): string {
    return this.text.slice(Math.max(0, this.at - 2), this.at).at(-1) ?? "";
  }

  protected get isAtHole(): boolean {
    return (this.holes[this.hole]?.start ?? this.text.length) <= this.at;
  }

  protected startsWith(mark: string, by = 0): boolean {
    return this.text.startsWith(mark, this.at + by);
  }

  protected match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? null;
  }

  /** The statement begins here at the latest; comments before it are left out. */
  protected begin(): void {
    if (this.#start !== -1) return;
    this.#start = this.at;
    this.#codeStart = this.at;
    this.#segments = [];
  }

  protected endStatement(): void {
    if (this.#start !== -1) {
      this.#flush();
      this.statements.push({ start: this.#start, words: this.words.first, segments: this.#segments });
    }
    this.#start = -1;
    this.words = new StatementWords();
  }

  /** A segment in the place of the text from `start` to `end`, where reading goes on. */
  protected replace(start: number, end: number, segment: SqlSegment | null): void {
    this.at = start;
    this.#flush();
    if (segment !== null) this.#segments.push(segment);
    this.at = end;
    this.#codeStart = end;
  }

  /** Goes on after the hole. */
  protected passHole(): void {
    this.at = this.holes[this.hole]?.end ?? this.at;
    this.hole += 1;
  }

  protected refuse(reason: string, options: { needsName?: boolean; hole?: number } = {}): void {
    this.issues.push({ hole: options.hole ?? this.hole, reason, needsName: options.needsName ?? false });
  }

  /**
   * From after the present character to an end: `read` answers how far to go on, or less than zero at the end, which is
   * that many characters long. Holes within are refused for the reason; without one they come to nothing.
   */
  protected region(reason: string | null, read: () => number): void {
    this.at += 1;
    while (!this.isAtEnd) {
      if (this.isAtHole) {
        if (reason !== null) this.refuse(reason);
        else this.#ignoreHole();
        this.passHole();
        continue;
      }
      const length = read();
      this.at += Math.abs(length);
      if (length < 0) return;
    }
  }

  #ignoreHole(): void {
    const { start, end } = this.holes[this.hole] ?? { start: this.at, end: this.at };
    this.ignored.push(this.hole);
    this.replace(start, end, null);
  }

  #flush(): void {
    if (this.at > this.#codeStart)
      this.#segments.push({ kind: "code", text: this.text.slice(this.#codeStart, this.at) });
  }
}
