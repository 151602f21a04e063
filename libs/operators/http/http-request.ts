import type { HttpAuth, HttpConnection } from "#connections/connection.ts";
import type { Connections } from "#connections/connections.ts";
import { textOf } from "../operator-fields.ts";
import { authorizationOf } from "#connections/http-authorization.ts";
import { AppError } from "#errors/app-error.ts";
import type { OutboundRequest } from "#outbound/outbound-request.ts";

export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

type Fields = Readonly<Record<string, unknown>>;

/** The request that the rendered fields ask for. A field wins over what the connection says. Throws INVALID_ARGUMENT and what `connections` throws. */
export function buildRequest(fields: Fields, connections: Connections): OutboundRequest {
  const name = fields["connection"];
  const connection = typeof name === "string" ? connections.find(name, "http") : null;
  const { body, type } = bodyOf(fields["body"]);
  const method = textOf(fields, "method", body === null ? "GET" : "POST").toUpperCase();
  if (!(methods as readonly string[]).includes(method))
    throw new AppError("INVALID_ARGUMENT", `method: "${method}" is none of ${methods.join(", ")}`);
  const headers: Record<string, string> = { accept: "*/*", "user-agent": "millrace" };
  if (type !== null) headers["content-type"] = type;
  Object.assign(headers, lowerCased(connection?.headers ?? {}), lowerCased(fields["headers"]));
  const authorization = authorizationOf((fields["auth"] as HttpAuth | undefined) ?? connection?.auth ?? null);
  if (authorization !== null) headers["authorization"] = authorization;
  return { method, url: urlOf(fields["url"], connection), headers, body };
}

/** What opens doors in a request: credentials, and headers that are called so. */
export function keysOf({ headers }: OutboundRequest): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!/auth|cookie|key|secret|token/.test(name)) return [];
    const [, scheme = "", credentials = ""] = /^(\S+) (\S+)$/.exec(value) ?? [];
    if (scheme.toLowerCase() !== "basic") return [credentials === "" ? value : credentials];
    const decoded = Buffer.from(credentials, "base64").toString();
    return [credentials, decoded.slice(decoded.indexOf(":") + 1)];
  });
}

/** Below the connection's address: a connection's keys go nowhere else. */
function urlOf(field: unknown, connection: HttpConnection | null): string {
  const given = typeof field === "string" ? field : "";
  if (connection === null) return given;
  const base = connection.url.replace(/\/+$/, "");
  if (given === "") return connection.url;
  if (given.startsWith("?")) return base + given;
  const isAbsolute = /^[a-z][a-z0-9+.-]*:/i.test(given) || given.startsWith("//") || given.startsWith("\\");
  const url = `${base}/${given.replace(/^\/+/, "")}`;
  if (isAbsolute || !URL.canParse(url) || !new URL(url).href.startsWith(`${new URL(base).href.replace(/\/$/, "")}/`)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `url: "${given}" does not lie below the address of the connection ${connection.name}`,
    );
  }
  return url;
}

function bodyOf(value: unknown): { body: Buffer | null; type: string | null } {
  if (value === undefined || value === null) return { body: null, type: null };
  if (typeof value === "string") return { body: Buffer.from(value), type: "text/plain; charset=utf-8" };
  return { body: Buffer.from(JSON.stringify(value)), type: "application/json" };
}

function lowerCased(headers: unknown): Record<string, string> {
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
