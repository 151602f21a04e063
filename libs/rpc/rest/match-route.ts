import type { DescField } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import type { Route } from "./route-table.ts";

export interface RouteMatch {
  readonly route: Route;
  /** Values of the fields in the path, percent-decoded once. */
  readonly values: ReadonlyMap<DescField, string>;
}

/**
 * Finds the route of a request; HEAD counts as GET. Throws `ROUTE_NOT_FOUND`, `METHOD_NOT_ALLOWED` with the verbs that
 * the path takes in `details.allow`, or `INVALID_ARGUMENT` for a path that is not percent-encoded right.
 */
export function matchRoute(routes: readonly Route[], verb: string, path: string): RouteMatch {
  const parts = path.split("/").slice(1);
  const fitting = routes.filter((route) => fits(route, parts));
  const wanted = verb === "HEAD" ? "GET" : verb;
  const route = fitting.find((candidate) => candidate.verb === wanted);
  if (route !== undefined) return { route, values: readValues(route, parts) };
  if (fitting.length === 0) throw new AppError("ROUTE_NOT_FOUND", `no route ${path}`, { details: { path } });
  const allow = [...new Set(fitting.map((candidate) => candidate.verb))];
  throw new AppError("METHOD_NOT_ALLOWED", `${path} does not take ${verb}, only ${allow.join(", ")}`, {
    details: { allow },
  });
}

function fits(route: Route, parts: readonly string[]): boolean {
  if (route.segments.length !== parts.length) return false;
  return route.segments.every((segment, index) => {
    const part = parts[index] ?? "";
    return segment.kind === "word" ? segment.text === part : part !== "";
  });
}

function readValues(route: Route, parts: readonly string[]): ReadonlyMap<DescField, string> {
  const values = new Map<DescField, string>();
  for (const [index, segment] of route.segments.entries()) {
    if (segment.kind === "field") values.set(segment.field, decode(parts[index] ?? "", segment.field.name));
  }
  return values;
}

function decode(part: string, field: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    const message = `${field} in the path is not percent-encoded right: ${part}`;
    throw new AppError("INVALID_ARGUMENT", message, { cause, details: { field } });
  }
}
