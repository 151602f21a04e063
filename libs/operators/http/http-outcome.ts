import type { AppError } from "#errors/app-error.ts";
import type { ErrorCode } from "#errors/catalog.ts";
import type { OutboundResponse } from "#outbound/outbound-exchange.ts";
import type { OperatorResult } from "../operator.ts";
import type { ExpectedStatus } from "./expected-status.ts";

/** Statuses that may be another next time. */
const transientStatuses: ReadonlySet<number> = new Set([408, 421, 423, 425, 429, 500, 502, 503, 504, 507]);
/** Headers that open doors, or tell nothing that a task needs. */
const hiddenHeaders: ReadonlySet<string> = new Set([
  "set-cookie",
  "set-cookie2",
  "authorization",
  "proxy-authenticate",
]);
const maxShownLength = 500;
const maxRetryAfterMs = 24 * 60 * 60 * 1000;

const failureCodes: Readonly<Partial<Record<ErrorCode, string>>> = {
  OUTBOUND_REFUSED: "outbound_refused",
  OUTBOUND_UNREACHABLE: "connection",
  CONNECTION_FAILED: "connection",
  OUTBOUND_UNTRUSTED: "untrusted",
  RESPONSE_TOO_LARGE: "invalid_output",
  INVALID_RESPONSE: "invalid_response",
  TIMEOUT: "timeout",
};

interface Expectation {
  readonly method: string;
  readonly expected: ExpectedStatus;
  /** The output that takes the body; null: none. */
  readonly output: string | null;
}

/** The outputs of a response that was expected, else the failure, with the server's word on when to try again. */
export function judgeResponse(response: OutboundResponse, { method, expected, output }: Expectation): OperatorResult {
  const { status, statusText, headers } = response;
  if (!expected.includes(status)) {
    const { origin, pathname } = new URL(response.url);
    const shown = excerpt(response);
    const message = `${method} ${origin}${pathname} answered ${`${status} ${statusText}`.trimEnd()}, expected ${expected.text}${shown}`;
    const retryAfterMs = parseRetryAfter(headers["retry-after"], Date.now());
    return {
      kind: "failed",
      code: "http_status",
      message,
      retryable: transientStatuses.has(status),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    };
  }
  const outputs: Record<string, unknown> = { status, headers: shownHeaders(headers) };
  if (output === null) return { kind: "success", outputs };
  const body = readBody(response);
  if (body.problem !== null) return { kind: "failed", code: "invalid_output", message: body.problem };
  outputs[output] = body.value;
  return { kind: "success", outputs };
}

/** What an error of the way to the server means for the attempt. */
export function toFailure(error: AppError): OperatorResult {
  const code = failureCodes[error.code] ?? "configuration";
  return { kind: "failed", code, message: error.message, retryable: error.retryable };
}

/** Milliseconds, from seconds or an HTTP date; null where the header says nothing. A day at most. */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? "";
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(waitMs) ? Math.min(Math.max(0, waitMs), maxRetryAfterMs) : null;
}

type Body = { readonly problem: null; readonly value: unknown } | { readonly problem: string };

/** JSON as its value, anything else as text of its charset. What says that it is JSON and is not stays text. */
function readBody({ body, headers }: OutboundResponse): Body {
  const [type = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = /^\s*charset\s*=\s*"?([^"\s]+)/.exec(
    parameters.find((each) => /^\s*charset\s*=/.test(each)) ?? "",
  )?.[1];
  const text = decode(body, charset ?? "utf-8");
  if (text === null) {
    const kind = type.trim() === "" ? "no content type" : type.trim();
    return {
      problem: `the body (${body.length} bytes, ${kind}) is no text; set response_output: false, or fetch it with bash`,
    };
  }
  if (!/^application\/json$|^text\/json$|\+json$/.test(type.trim())) return { problem: null, value: text };
  try {
    return { problem: null, value: JSON.parse(text) as unknown };
  } catch {
    return { problem: null, value: text };
  }
}

/** Null for what is no text of that charset. */
function decode(body: Buffer, charset: string): string | null {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function shownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hiddenHeaders.has(name)));
}

function excerpt({ body }: OutboundResponse): string {
  const text = body
    .subarray(0, 4 * maxShownLength)
    .toString("utf8")
    .trim();
  if (text === "" || text.includes("\0")) return "";
  return `: ${text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength)}…`}`;
}
