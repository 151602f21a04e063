import { type ErrorCode, errorCatalog, type ErrorKind } from "./catalog.ts";

/** JSON-safe facts about an error, shown to the caller. Never put secrets in it. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class. `code` names an entry of the catalogue, which says of what kind it is, whether trying again
 * can help, and what the user can do. Messages are lower case: what and which id, then what to do.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return errorCatalog[this.code].kind;
  }

  get retryable(): boolean {
    return errorCatalog[this.code].retryable;
  }

  /** The error itself if it is one of ours, else an opaque `INTERNAL` that keeps the thrown value as its cause. */
  static from(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown;
    return new AppError("INTERNAL", "something went wrong inside; the server's log has the cause", { cause: thrown });
  }
}

/** The text of anything thrown, for logs and for causes in messages. */
export function describeError(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
