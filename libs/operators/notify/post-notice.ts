import { AppError } from "#errors/app-error.ts";
import type { OutboundResponse } from "#outbound/outbound-exchange.ts";
import { type OutboundRequest, sendOutside } from "#outbound/outbound-request.ts";
import { judgeResponse, toFailure } from "../http/http-outcome.ts";
import { parseExpectedStatus } from "../http/expected-status.ts";
import type { OperatorContext, OperatorResult } from "../operator.ts";

/** Notifications are short, or go wrong. */
export const noticeTimeoutMs = 30_000;
const limits = { responseBytes: 64 * 1024, headerBytes: 16 * 1024, connectMs: 10_000 };

/**
 * Posts a notice; any status of success will do, and its number is the output. `target` is what messages name, where the
 * address itself is a key; null: the address without its query.
 */
export async function postNotice(
  { host, signal, log }: OperatorContext,
  request: OutboundRequest,
  target: string | null,
): Promise<OperatorResult> {
  try {
    const sent = await sendOutside(request, {
      policy: host.outbound,
      limits,
      timeoutMs: noticeTimeoutMs,
      followRedirects: false,
      // The body of a refusal explains it.
      readBody: (status) => status < 200 || status > 299,
      signal,
    });
    const { origin, pathname } = new URL(request.url);
    log("system", `POST ${target ?? origin + pathname}: ${sent.status} ${sent.statusText}`.trimEnd());
    const response = target === null ? sent : { ...sent, url: origin };
    if (sent.status >= 300 && sent.status < 400 && sent.headers["location"] !== undefined)
      return toRedirected(response, sent.headers["location"]);
    const judged = judgeResponse(response, {
      method: request.method,
      expected: parseExpectedStatus(undefined),
      output: null,
    });
    return judged.kind === "success" ? { kind: "success", outputs: { status: sent.status } } : judged;
  } catch (error) {
    if (error instanceof AppError) return toFailure(error);
    throw error;
  }
}

/** What is told to one address, perhaps signed for it, goes to no other. */
function toRedirected({ url, status }: OutboundResponse, location: string): OperatorResult {
  const { origin, pathname } = new URL(url);
  // Its path may hold a key, as that of a Slack webhook does.
  const to = URL.canParse(location, url) ? new URL(location, url).origin : "another address";
  const message = `POST ${origin}${pathname} answered ${status}, a redirect to ${to}, which is not followed; give the address that it leads to`;
  return { kind: "failed", code: "http_status", message, retryable: false };
}
