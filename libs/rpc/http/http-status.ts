import type { AppError } from "#errors/app-error.ts";
import type { ErrorKind } from "#errors/catalog.ts";

const statusByKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  exhausted: 429,
  unavailable: 503,
  timeout: 504,
  internal: 500,
};

/** The HTTP status of an error: by its kind, except for what HTTP has a word of its own for. */
export function httpStatusOf(error: AppError): number {
  return error.code === "METHOD_NOT_ALLOWED" ? 405 : statusByKind[error.kind];
}
