import { AppError } from "#errors/app-error.ts";
import { bindStatements, type HoleContent, type QueryParameters, type SqlValue } from "#sql/bind-statement.ts";
import { scanSql } from "#sql/scan-sql.ts";
import type { SqlDialect } from "#sql/sql-dialect.ts";
import type { SqlHole } from "#sql/sql-statement.ts";
import type { PlacedStatement } from "./statement-failure.ts";

/** A private character: it is no part of a word, a number or a quote in any dialect. */
const holeMark = "\u{F8FE}";
/** Words that begin or end transactions. */
const transactionWords: ReadonlySet<string> = new Set(["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"]);

/**
 * The statements of a rendered query: its text, or pieces of text, `{value}` and `{name}` as the definition library leaves
 * them. Throws INVALID_ARGUMENT for what this dialect can't take.
 */
export function readQuery(query: unknown, parameters: unknown, dialect: SqlDialect): readonly PlacedStatement[] {
  const { text, holes, contents } = joinPieces(query);
  const { statements, issues } = scanSql(text, holes, dialect);
  const [issue] = issues;
  if (issue !== undefined) {
    const line = lineAt(text, holes[issue.hole]?.start ?? 0);
    const hint = issue.needsName ? "; write `{{ … | ident }}`" : "";
    throw new AppError(
      "INVALID_ARGUMENT",
      `the query can't be used with ${dialect}: in line ${line} an expression can't stand where it stands: ${issue.reason}${hint}`,
    );
  }
  if (statements.length === 0) throw new AppError("INVALID_ARGUMENT", "the query has no statement");
  const bound = bindStatements(statements, { dialect, holes: contents, parameters: readParameters(parameters) });
  return statements.map(({ words, start }, place) => {
    refuseTransaction(words);
    return { bound: bound[place] ?? { text: "", values: [] }, words, line: lineAt(text, start) };
  });
}

function refuseTransaction([first = "", second = ""]: readonly string[]): void {
  const isSavepoint = first === "ROLLBACK" && second === "TO";
  if (!transactionWords.has(first) || isSavepoint) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `the query has ${first}: all its statements are one transaction already; remove it`,
  );
}

function joinPieces(query: unknown): { text: string; holes: readonly SqlHole[]; contents: readonly HoleContent[] } {
  if (typeof query === "string") return { text: query, holes: [], contents: [] };
  let text = "";
  const holes: SqlHole[] = [];
  const contents: HoleContent[] = [];
  for (const piece of Array.isArray(query) ? (query as unknown[]) : []) {
    if (typeof piece === "string") {
      text += piece;
      continue;
    }
    const { name, value } = piece as { readonly name?: string; readonly value?: SqlValue };
    holes.push({ start: text.length, end: text.length + holeMark.length, isName: name !== undefined });
    contents.push(name === undefined ? { kind: "value", value: value ?? null } : { kind: "name", name });
    text += holeMark;
  }
  return { text, holes, contents };
}

function readParameters(parameters: unknown): QueryParameters {
  if (parameters === undefined || parameters === null) return {};
  if (typeof parameters === "object") return parameters as QueryParameters;
  throw new AppError("INVALID_ARGUMENT", "`parameters` must be a list or a map");
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
