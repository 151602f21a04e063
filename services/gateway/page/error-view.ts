import type { AppError } from "#errors/app-error.ts";
import { errorCatalog } from "#errors/catalog.ts";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { httpStatusOf } from "#rpc/http/http-status.ts";
import { html } from "./html.ts";
import { renderPage } from "./layout.ts";

/** An error as a page: its code, what happened, and what to do. */
export function showError(error: AppError, requestId: string): HttpResponse {
  const details = Object.keys(error.details).length > 0 && html`<pre>${JSON.stringify(error.details, null, 2)}</pre>`;
  const main = html`<h1>${error.code}</h1><div class="notice red">${error.message}</div>
<p>${errorCatalog[error.code].advice}</p>${details}
<p class="soft">request ${requestId}</p><p><a href="/">back to the DAGs</a></p>`;
  return renderPage({ title: error.code, trail: [], main, events: null, status: httpStatusOf(error) });
}
