import { readFile } from "node:fs/promises";
import { AppError } from "#errors/app-error.ts";
import type { HttpResponse } from "#rpc/http/exchange.ts";

/** Written by `npm run gen`. */
const file = new URL("../../../gen/schemas/dag.json", import.meta.url);

export const definitionSchemaPath = "/schemas/dag.json";

/** Editors keep it for so long. */
const keptSeconds = 300;

/** The format of definitions as a JSON Schema, for editors; it may be read from any page. */
export async function answerDefinitionSchema(method: string): Promise<HttpResponse> {
  if (method !== "GET" && method !== "HEAD") {
    const allow = ["GET", "HEAD"];
    throw new AppError(
      "METHOD_NOT_ALLOWED",
      `${definitionSchemaPath} does not take ${method}, only ${allow.join(", ")}`,
      {
        details: { allow },
      },
    );
  }
  const headers = {
    "content-type": "application/schema+json; charset=utf-8",
    "cache-control": `max-age=${keptSeconds}`,
    "access-control-allow-origin": "*",
  };
  return { status: 200, headers, body: await readFile(file) };
}
