import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { buildRoutes, type Route } from "#rpc/rest/route-table.ts";
import { restServices } from "./rest-rules.ts";

const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");

/** A line of the page's table, as the annotation says it. */
function rowOf(route: Route): string {
  const inPath = new Set(route.segments.flatMap((segment) => (segment.kind === "field" ? [segment.field.name] : [])));
  const taken = route.method.input.fields.map((field) => field.name).filter((name) => !inPath.has(name));
  const isStream = route.method.methodKind === "server_streaming";
  const answered =
    route.responseField?.message?.name ?? route.method.output.fields.map((field) => field.name).join(", ");
  return `| ${route.verb} | \`${route.path}\` | ${route.method.name} | ${taken.join(", ")} | ${isStream ? "a stream of " : ""}${answered} |`;
}

test("docs/api.md has the routes of the annotations, all of them and no others", () => {
  const documented = page.split("\n").filter((line) => /^\| [A-Z]+ \| `\//.test(line));
  expect(documented).toEqual(buildRoutes(restServices).map(rowOf));
});
