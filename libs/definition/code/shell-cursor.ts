import { type CodePlace, type Hole, readHole, refused, tooDeeplyNested, unbalanced } from "./code-scan.ts";
import type { ExpressionIssue } from "../expressions/expression-names.ts";
import { definitionLimits } from "../limits.ts";

/** Where a scanner stands in a shell text, what it has found, and what it knows about the places ahead. */
export class ShellCursor {
  readonly text: string;
  readonly holes: Hole[] = [];
  readonly issues: ExpressionIssue[] = [];
  at = 0;
  /** The end of what is read now: of the text, or of a here-document. */
  end: number;
  /** Why the rest of the text can't be followed. */
  lost: string | null = null;
  #refusal: string | null = null;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
    this.end = text.length;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  get character(): string {
    return this.text.charAt(this.at);
  }

  get isAtHole(): boolean {
    return this.startsWith("{{");
  }

  next(by: number): string {
    return this.text.charAt(this.at + by);
  }

  startsWith(mark: string, by = 0): boolean {
    return this.text.startsWith(mark, this.at + by);
  }

  /** The place of the next newline, or the end. */
  lineEnd(): number {
    const newline = this.text.indexOf("\n", this.at);
    return newline === -1 ? this.end : Math.min(newline, this.end);
  }

  /** Reads the expression that begins here; `place` holds unless something around it forbids. */
  hole(place: CodePlace): void {
    const reason = this.lost ?? this.#refusal;
    const hole = readHole(this.text, this.at, reason === null ? place : refused(reason));
    if (hole.end === -1) this.issues.push(unbalanced(hole.start));
    else this.holes.push(hole);
    this.at = hole.end === -1 ? this.end : hole.end;
  }

  /** Expressions that `read` finds are refused for the outermost reason. */
  refusing(reason: string, read: () => void): void {
    const outer = this.#refusal;
    this.#refusal = outer ?? reason;
    read();
    this.#refusal = outer;
  }

  /** Reads a construct that may hold others of its kind. */
  nested(read: () => void): void {
    if (this.#depth === definitionLimits.codeNesting) {
      this.issues.push(tooDeeplyNested(this.at));
      this.at = this.end;
      return;
    }
    this.#depth += 1;
    read();
    this.#depth -= 1;
  }

  /** Reports a quote or bracket without end; without expressions that is the shell's own business. */
  unclosed(offset: number): void {
    if (this.holes.length === 0) return;
    this.issues.push({
      offset,
      code: "UNSAFE_PLACE",
      message: "a quote or bracket that begins here is not closed, so the places of expressions can't be told",
    });
  }
}
