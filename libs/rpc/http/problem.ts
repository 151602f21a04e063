import type { AppError } from "#errors/app-error.ts";
import type { HttpResponse } from "./exchange.ts";
import { httpStatusOf } from "./http-status.ts";

/** Seconds after which a refused request is worth another try, where the error does not say. */
const retryAfterSeconds = 1;

/** The one shape of an error in JSON. */
export interface Problem {
  readonly error_code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly request_id: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
}

export function toProblem(error: AppError, requestId: string): Problem {
  return {
    error_code: error.code,
    message: error.message,
    details: error.details,
    request_id: requestId,
    timestamp: new Date().toISOString(),
  };
}

/** The error as an answer (RFC 9457 media type); 429 and 503 say when to come back, 405 what is allowed. */
export function problemResponse(error: AppError, requestId: string): HttpResponse {
  const status = httpStatusOf(error);
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (status === 429 || status === 503) headers["retry-after"] = String(retryAfterOf(error));
  const allow = error.details["allow"];
  if (status === 405 && Array.isArray(allow)) headers["allow"] = allow.join(", ");
  return { status, headers, body: `${JSON.stringify(toProblem(error, requestId))}\n` };
}

function retryAfterOf(error: AppError): number {
  const asked = error.details["retry_after_ms"];
  return typeof asked === "number" ? Math.max(1, Math.ceil(asked / 1000)) : retryAfterSeconds;
}
