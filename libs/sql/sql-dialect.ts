/** The kinds of SQL that are read. */
export type SqlDialect = "postgres" | "mysql" | "sqlite";

export const sqlDialects: readonly SqlDialect[] = ["postgres", "mysql", "sqlite"];

/** How dialects differ in what a text is: code, literal, name or comment. */
export interface DialectRules {
  /** A backslash in a literal escapes what follows. */
  readonly escapesByBackslash: boolean;
  /** Characters that stand around names, with the one that ends them. */
  readonly nameQuotes: ReadonlyMap<string, string>;
  /** `$tag$ … $tag$`. */
  readonly quotesByDollar: boolean;
  /** `#` begins a comment, and `--` only before a blank. */
  readonly commentsAsMysql: boolean;
  readonly nestsComments: boolean;
  /** `?` is a parameter. */
  readonly hasQuestionMark: boolean;
  /** Words that make a literal a typed one, in which nothing but text may stand. */
  readonly literalTypes: ReadonlySet<string>;
}

const sqlNames: readonly [string, string] = ['"', '"'];
const dates = ["DATE", "TIME", "TIMESTAMP"];

export const dialectRules: Readonly<Record<SqlDialect, DialectRules>> = {
  postgres: {
    escapesByBackslash: false,
    nameQuotes: new Map([sqlNames]),
    quotesByDollar: true,
    commentsAsMysql: false,
    nestsComments: true,
    hasQuestionMark: false,
    literalTypes: new Set([...dates, "TIMESTAMPTZ", "INTERVAL"]),
  },
  mysql: {
    escapesByBackslash: true,
    nameQuotes: new Map([sqlNames, ["`", "`"]]),
    quotesByDollar: false,
    commentsAsMysql: true,
    nestsComments: false,
    hasQuestionMark: true,
    literalTypes: new Set(dates),
  },
  sqlite: {
    escapesByBackslash: false,
    nameQuotes: new Map([sqlNames, ["`", "`"], ["[", "]"]]),
    quotesByDollar: false,
    commentsAsMysql: false,
    nestsComments: false,
    hasQuestionMark: true,
    literalTypes: new Set(),
  },
};
