import { AppError } from "#errors/app-error.ts";
import type { RowLimits, SqlSession, StatementOutcome } from "#connections/sessions/sql-session.ts";
import { formatDuration } from "#schedule/duration.ts";
import { type PlacedStatement, type SqlFailure, statementFailure, uncertainCommit } from "./statement-failure.ts";

export interface TransactionOptions {
  /** Null: rows are counted alone. */
  readonly keep: RowLimits | null;
  /** Null: no limit of its own. */
  readonly statementTimeoutMs: number | null;
  readonly signal: AbortSignal;
  /** Looks at the outcome before it is made durable; a failure undoes all. */
  readonly accept: (last: StatementOutcome) => SqlFailure | null;
}

export type TransactionResult =
  | { readonly kind: "done"; readonly last: StatementOutcome }
  | { readonly kind: "failed"; readonly failure: SqlFailure };

/** How long a cancelled statement may take to end before its session is given up, in milliseconds. */
const cancelTimeoutMs = 5000;
/** Statements that change no definitions: nothing that comes after them can be missing because of them. */
const plainWords: ReadonlySet<string> = new Set([
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "WITH",
  "VALUES",
  "MERGE",
  "REPLACE",
]);

/**
 * Runs the statements in one transaction. All are checked first, so that a wrong one has no effect, not even where the
 * database ends a transaction by itself (MySQL, at statements that define things). What a statement misses that an
 * earlier one may make shows only when it runs.
 */
export async function runTransaction(
  session: SqlSession,
  statements: readonly PlacedStatement[],
  options: TransactionOptions,
): Promise<TransactionResult> {
  const wrong = await checkAll(session, statements, options);
  if (wrong !== null) return { kind: "failed", failure: wrong };
  let place: number | null = null;
  let isCommitting = false;
  try {
    await session.begin();
    const outcomes: StatementOutcome[] = [];
    for (const [index, { bound }] of statements.entries()) {
      place = index;
      outcomes.push(await guarded(session, options, () => session.run(bound, options.keep)));
    }
    place = null;
    const last = lastOutcome(outcomes);
    const refusal = options.accept(last);
    if (refusal !== null) {
      await undo(session);
      return { kind: "failed", failure: refusal };
    }
    options.signal.throwIfAborted();
    isCommitting = true;
    await session.commit();
    return { kind: "done", last };
  } catch (error) {
    if (isCommitting) return { kind: "failed", failure: uncertainCommit(session.describeFailure(error)) };
    await undo(session);
    options.signal.throwIfAborted();
    return { kind: "failed", failure: statementFailure(error, session, place === null ? null : { statements, place }) };
  }
}

/** What is wrong with the first statement that can't be right. */
async function checkAll(
  session: SqlSession,
  statements: readonly PlacedStatement[],
  options: TransactionOptions,
): Promise<SqlFailure | null> {
  for (const [place, { bound }] of statements.entries()) {
    try {
      await guarded(session, options, () => session.check(bound.text));
    } catch (error) {
      options.signal.throwIfAborted();
      const mayBeMade = statements.slice(0, place).some(({ words }) => !plainWords.has(words[0] ?? ""));
      if (mayBeMade && session.describeFailure(error).isMissingObject) continue;
      return statementFailure(error, session, { statements, place });
    }
  }
  return null;
}

/** A session that can't undo is closed, which undoes as well. */
async function undo(session: SqlSession): Promise<void> {
  if (session.isBroken) return;
  await session.rollback().catch(() => session.close());
}

/** The rows of the last statement that gave any, else what the last one changed. */
function lastOutcome(outcomes: readonly StatementOutcome[]): StatementOutcome {
  const none: StatementOutcome = { columns: null, rows: [], count: 0, exceeded: null };
  return outcomes.findLast(({ columns }) => columns !== null) ?? outcomes.at(-1) ?? none;
}

/** A stop, and the statement's own timeout, cancel what runs; a session that does not obey is closed. */
async function guarded<T>(
  session: SqlSession,
  { signal, statementTimeoutMs }: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let giveUp: NodeJS.Timeout | undefined;
  let isTimedOut = false;
  const cancel = (): void => {
    giveUp ??= setTimeout(() => void session.close(), cancelTimeoutMs);
    session.cancel().catch(() => void session.close());
  };
  const timer =
    statementTimeoutMs === null
      ? undefined
      : setTimeout(() => {
          isTimedOut = true;
          cancel();
        }, statementTimeoutMs);
  signal.addEventListener("abort", cancel, { once: true });
  const late = () =>
    new AppError("TIMEOUT", `it took longer than statement_timeout, ${formatDuration(statementTimeoutMs ?? 0)}`);
  try {
    const result = await work();
    // Some statements end without an error when they are cancelled.
    if (isTimedOut) throw late();
    return result;
  } catch (error) {
    throw isTimedOut ? late() : error;
  } finally {
    clearTimeout(timer);
    clearTimeout(giveUp);
    signal.removeEventListener("abort", cancel);
  }
}
