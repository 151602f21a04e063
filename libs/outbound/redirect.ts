import { AppError } from "#errors/app-error.ts";
import type { OutboundResponse } from "./outbound-exchange.ts";
import type { OutboundRequest } from "./outbound-request.ts";

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What may follow to another origin; anything else may be a key. */
const harmlessHeaders: ReadonlySet<string> = new Set(["accept", "accept-language", "content-type", "user-agent"]);

/**
 * The request that a redirect asks for; null when the response is none. 303, and 301 and 302 after POST, become GET
 * without a body. Another origin gets no headers that may hold a key. Throws INVALID_RESPONSE.
 */
export function nextRequest(request: OutboundRequest, from: URL, response: OutboundResponse): OutboundRequest | null {
  const { location } = response.headers;
  if (!redirectStatuses.has(response.status) || location === undefined) return null;
  if (!URL.canParse(location, from.href))
    throw new AppError("INVALID_RESPONSE", `the server redirects to "${location}", which is no address`);
  const url = new URL(location, from);
  if (from.protocol === "https:" && url.protocol === "http:")
    throw new AppError("INVALID_RESPONSE", `the server redirects from https to ${url.origin}, which is not encrypted`);
  const headers =
    url.origin === from.origin ? request.headers : keep(request.headers, (name) => harmlessHeaders.has(name));
  const isGet = response.status === 303 ? request.method !== "HEAD" : becomesGet(request.method, response.status);
  if (!isGet) return { ...request, url: url.href, headers };
  const withoutBody = keep(headers, (name) => !name.startsWith("content-"));
  return { method: "GET", url: url.href, headers: withoutBody, body: null };
}

function becomesGet(method: string, status: number): boolean {
  return method === "POST" && (status === 301 || status === 302);
}

function keep(headers: OutboundRequest["headers"], isKept: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isKept(name)));
}
