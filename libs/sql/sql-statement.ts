/** A place in SQL text where a value or name comes in, as a range of the text. */
export interface SqlHole {
  readonly start: number;
  readonly end: number;
  /** It gives a name, which is quoted as one; else it gives a value. */
  readonly isName: boolean;
}

/** A part of a statement. `hole` counts in the holes that were given. */
export type SqlSegment =
  /** Taken as it stands. */
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "name"; readonly hole: number }
  /** One bind parameter, bare or a literal that is nothing but the hole. */
  | { readonly kind: "value"; readonly hole: number }
  /** A literal with holes within: one bind parameter, the text put together. */
  | { readonly kind: "text"; readonly pieces: readonly (string | number)[] }
  /** A parameter of the query itself: `:name` or `$1` (its name), or `?`. */
  | { readonly kind: "parameter"; readonly name: string; readonly text: string };

/** One statement, without its semicolon; comments and blanks alone make none. */
export interface SqlStatement {
  /** Offset of its first character that is no blank. */
  readonly start: number;
  /** Its first words in upper case, as many as were looked at. */
  readonly words: readonly string[];
  readonly segments: readonly SqlSegment[];
}

/** A hole that can't stand where it stands. */
export interface SqlIssue {
  readonly hole: number;
  readonly reason: string;
  /** It stands where a name is expected. */
  readonly needsName: boolean;
}

export interface SqlScan {
  readonly statements: readonly SqlStatement[];
  readonly issues: readonly SqlIssue[];
  /** Holes in comments, which come to nothing. */
  readonly ignored: readonly number[];
}
