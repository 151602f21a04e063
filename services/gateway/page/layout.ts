import { createHash } from "node:crypto";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { type Html, html, ownText } from "./html.ts";
import { liveScript } from "./live-script.ts";
import { stylesheet } from "./styles.ts";

export interface PageParts {
  readonly title: string;
  /** The way down to this page: text and address. */
  readonly trail: readonly { readonly text: string; readonly href: string }[];
  readonly main: Html;
  /** Query of the event stream that this page follows; null: it does not change. */
  readonly events: string | null;
  /** Reload without JavaScript after so many seconds; absent: never. */
  readonly reloadSeconds?: number;
  readonly status?: number;
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing but our own style and script, by hash; forms and streams stay on this origin; no frames. */
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src ${hashOf(stylesheet)}`,
  `script-src ${hashOf(liveScript)}`,
  "connect-src 'self'",
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%231668c7' stroke-width='3'/%3E%3C/svg%3E";

/** The page as an answer, with its security headers. */
export function renderPage(parts: PageParts): HttpResponse {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": contentSecurityPolicy,
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
  };
  return { status: parts.status ?? 200, headers, body: `<!doctype html>\n${renderDocument(parts).markup}\n` };
}

function renderDocument({ title, trail, main, events, reloadSeconds }: PageParts): Html {
  const reload =
    reloadSeconds !== undefined && html`<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>`;
  return html`<html lang="en"><head><meta charset="utf-8"><title>${title} · Millrace</title>
<meta name="viewport" content="width=device-width, initial-scale=1">${reload}
<link rel="icon" href="${icon}"><style>${ownText(stylesheet)}</style></head>
<body${events === null ? "" : html` data-events="${events}"`}>
<header><a class="brand" href="/">Millrace</a>${trail.map((step) => html` <a href="${step.href}">${step.text}</a>`)}
<span class="live" id="live-mark" role="status"></span></header>
<main>${main}</main>
<footer class="soft"><a href="/api/v1/health">health</a> · <a href="/api/v1/dags">API</a></footer>
<script>${ownText(liveScript)}</script></body></html>`;
}
