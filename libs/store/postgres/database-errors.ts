import { AppError, describeError } from "#errors/app-error.ts";

const lostConnectionCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "53300", // too many connections
  "57P01", // the server is shutting down
  "57P02", // a server process crashed
  "57P03", // the server is starting
]);

/** The driver gives these no code. */
const lostConnectionMessages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout e|Cannot use a pool after)/;

/** Codes after which the same transaction may well succeed: serialization, deadlock, lock timeout, statement timeout. */
const passingCodes: ReadonlySet<string> = new Set(["40001", "40P01", "55P03", "57014"]);

const uniqueViolationCode = "23505";

/**
 * The connection was lost or never made. Of a statement under way nobody knows whether it was committed: read again
 * before anything is repeated.
 */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof AppError) return error.code === "DATABASE_UNAVAILABLE";
  const code = codeOf(error);
  if (code !== null) return lostConnectionCodes.has(code) || code.startsWith("08");
  return error instanceof Error && lostConnectionMessages.test(error.message);
}

/** Not of one statement: resources are used up, the system or the server itself fails, or it only takes reads. */
const troubleCodes = /^(53|58|XX|25006)/;

/** The database is in trouble, whatever it is asked; else it answered, and what it was asked was wrong or came too early. */
export function isDatabaseTrouble(error: unknown): boolean {
  return isConnectionError(error) || troubleCodes.test(codeOf(error) ?? "");
}

/** Nothing was written, and the same again may succeed. */
export function isPassingConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && passingCodes.has(code);
}

export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === uniqueViolationCode;
}

/** Connection errors as `DATABASE_UNAVAILABLE`, everything else as it is. */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof AppError || !isConnectionError(error)) return error;
  return new AppError("DATABASE_UNAVAILABLE", `the database does not answer: ${describeError(error)}`, {
    cause: error,
  });
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
