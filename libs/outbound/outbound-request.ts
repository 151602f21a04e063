import { AppError } from "#errors/app-error.ts";
import type { OutboundPolicy } from "./outbound-policy.ts";
import { type ExchangeLimits, exchange, type OutboundResponse } from "./outbound-exchange.ts";
import { nextRequest } from "./redirect.ts";

export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: Buffer | null;
}

export interface OutboundOptions {
  readonly policy: OutboundPolicy;
  readonly limits: ExchangeLimits;
  /** For the whole, redirects included, however slowly a server answers; in milliseconds. */
  readonly timeoutMs: number;
  readonly followRedirects: boolean;
  /** False: the body of a response with this status is left unread. */
  readonly readBody: (status: number) => boolean;
  /** Statuses of the 500s that are no trouble of the host; absent: none. */
  readonly isExpected?: (status: number) => boolean;
  readonly signal: AbortSignal;
}

const maxRedirects = 5;

/**
 * Sends a request to an address that the policy admits, and follows redirects to such addresses. Throws the codes of the
 * policy, OUTBOUND_UNTRUSTED, RESPONSE_TOO_LARGE, INVALID_RESPONSE, TIMEOUT, or the reason of the signal.
 */
export async function sendOutside(request: OutboundRequest, options: OutboundOptions): Promise<OutboundResponse> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    return await follow(request, { ...options, signal });
  } catch (error) {
    options.signal.throwIfAborted();
    if (deadline.aborted) throw new AppError("TIMEOUT", `no complete answer within ${options.timeoutMs} ms`);
    throw error;
  }
}

async function follow(first: OutboundRequest, options: OutboundOptions): Promise<OutboundResponse> {
  let request = first;
  for (let redirects = 0; ; redirects += 1) {
    const url = parseUrl(request.url);
    const response = await sendOnce({ ...request, url }, options).catch((error: unknown) => {
      throw redirects === 0 ? error : ofRedirect(error, url);
    });
    const next = options.followRedirects ? nextRequest(request, url, response) : null;
    if (next === null) return response;
    if (redirects === maxRedirects) {
      throw new AppError("INVALID_RESPONSE", `the server redirects more than ${maxRedirects} times`);
    }
    request = next;
  }
}

async function sendOnce(
  request: Omit<OutboundRequest, "url"> & { readonly url: URL },
  options: OutboundOptions,
): Promise<OutboundResponse> {
  const { policy, signal, isExpected = () => false } = options;
  const addresses = await policy.admit(request.url, signal);
  const send = (): Promise<OutboundResponse> => exchange(request, { ...options, addresses });
  return policy.guard?.run(request.url, send, { signal, isExpected }) ?? send();
}

/** Whoever named another address must see where this one comes from. */
function ofRedirect(error: unknown, { protocol, host, pathname }: URL): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, details } = error;
  return new AppError(code, `after a redirect to ${protocol}//${host}${pathname}: ${message}`, {
    cause: error,
    details,
  });
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text))
    throw new AppError(
      "INVALID_ARGUMENT",
      `"${text}" is not a web address; write one that begins with https:// or http://`,
    );
  return new URL(text);
}
