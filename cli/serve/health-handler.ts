import { AppError } from "#errors/app-error.ts";
import type { HttpHandler, HttpResponse } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";

/**
 * `/healthz` (the process lives) and `/readyz` (it can take work: 200, else 503) of a service that has no page of its own.
 * Both show its components.
 */
export function createHealthHandler(service: Service, isStarted: () => boolean): HttpHandler {
  return ({ path }) => {
    if (path !== "/healthz" && path !== "/readyz") {
      return Promise.reject(new AppError("ROUTE_NOT_FOUND", `the ${service.name} has no route ${path}`));
    }
    const components = service.health();
    const isHealthy = Object.values(components).every(({ status }) => status !== "unhealthy");
    const isReady = isStarted() && isHealthy;
    return Promise.resolve(
      answer(path === "/healthz" || isReady ? 200 : 503, { service: service.name, ready: isReady, components }),
    );
  };
}

function answer(status: number, body: object): HttpResponse {
  return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(body)}\n` };
}
