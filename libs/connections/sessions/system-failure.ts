import { describeError } from "#errors/app-error.ts";
import type { DatabaseFailure } from "./sql-session.ts";

/** What the system says when a server can't be reached or goes away. */
const connectionCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** The code that an error carries; empty: none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** An error of the way to the database; null for any other. Of several addresses that were tried the first one's error counts. */
export function systemFailure(error: unknown): DatabaseFailure | null {
  const [first = error] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const code = codeOf(first);
  const message = describeError(first);
  const isLost = /^(Connection terminated|timeout expired|Client (was|has)|Connection lost)/.test(message);
  if (!connectionCodes.has(code) && !isLost) return null;
  return { message, databaseCode: code, kind: "connection", isRetryable: true, isMissingObject: false, position: null };
}
