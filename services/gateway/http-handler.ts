import type { Transport } from "@connectrpc/connect";
import type { Queries } from "#ports/queries.ts";
import type { HttpHandler } from "#rpc/http/exchange.ts";
import { assertSameSite } from "#rpc/http/same-site.ts";
import { createRestHandler } from "#rpc/rest/rest-handler.ts";
import type { Logger } from "#telemetry/logger.ts";
import { answerDefinitionSchema, definitionSchemaPath } from "./dags/definition-schema.ts";
import { checkHealth } from "./system/health.ts";
import { createHookHandler, type HookDeps, hookPath } from "./hooks/hook-handler.ts";
import { createPageHandler } from "./page/page-handler.ts";
import { restRules, restServices } from "./rest-rules.ts";

/**
 * Everything that is no RPC path: webhooks, REST under `/api/` and `/health`, the probes `/healthz` (the process lives) and
 * `/readyz` (it can serve), the schema for editors, and the page elsewhere. Changes asked for by another site's page are refused.
 */
export function createHttpHandler(deps: {
  transport: Transport;
  queries: Queries;
  hooks: HookDeps;
  logger: Logger;
}): HttpHandler {
  const rest = createRestHandler({ services: restServices, transport: deps.transport, rules: restRules });
  const hook = createHookHandler(deps.hooks);
  const page = createPageHandler({ transport: deps.transport, logger: deps.logger });
  return async (request) => {
    assertSameSite(request);
    const { path } = request;
    if (path === "/healthz") return plain(200, "ok");
    if (path === "/readyz") {
      const { status, components } = await checkHealth(deps.queries);
      return status === "unhealthy" ? plain(503, JSON.stringify(components)) : plain(200, "ok");
    }
    if (path === definitionSchemaPath) return answerDefinitionSchema(request.method);
    if (path.startsWith(hookPath)) return hook(request);
    return path.startsWith("/api/") || path === "/health" ? rest(request) : page(request);
  };
}

function plain(status: number, text: string) {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
