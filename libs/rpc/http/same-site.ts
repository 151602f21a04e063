import { AppError } from "#errors/app-error.ts";
import type { HttpRequest } from "./exchange.ts";

const readingMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses changes that another site's page sends through a browser (`CROSS_SITE_REFUSED`): browsers say where a
 * request comes from in `Sec-Fetch-Site` and `Origin`; programs send neither and pass.
 */
export function assertSameSite(request: HttpRequest): void {
  if (readingMethods.has(request.method)) return;
  const site = request.header("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") refuse(site);
  const origin = request.header("origin");
  if (origin === null) return;
  const host = request.header("host");
  const originHost = URL.canParse(origin) ? new URL(origin).host : null;
  if (originHost === null || originHost !== host) refuse(origin);
}

function refuse(from: string): never {
  throw new AppError("CROSS_SITE_REFUSED", `a change was asked for from another site (${from})`, { details: { from } });
}
