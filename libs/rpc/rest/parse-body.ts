import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import { maxJsonDepth } from "../wire-limits.ts";

/** Reads a JSON object from a body; an empty one is `{}`. Throws `INVALID_ARGUMENT` with the place of the fault. */
export function parseBody(bytes: Uint8Array): JsonObject {
  const text = decode(bytes);
  if (text.trim() === "") return {};
  const json = parseText(text);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw refused("must be a JSON object");
  return json as JsonObject;
}

/** Reads any JSON value from a body. Throws as `parseBody` does, also for an empty one. */
export function parseJson(bytes: Uint8Array): JsonValue {
  return parseText(decode(bytes)) as JsonValue;
}

function parseText(text: string): unknown {
  const depth = depthOf(text);
  if (depth > maxJsonDepth) throw refused(`is nested deeper than ${maxJsonDepth} levels`);
  return parse(text);
}

/** Depth of brackets outside strings; a parser that recurses must not meet more than it can take. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, (depth += 1));
    else if (character === "}" || character === "]") depth -= 1;
  }
  return deepest;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", "the body is not UTF-8 text", { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function refused(problem: string): AppError {
  return new AppError("INVALID_ARGUMENT", `the body ${problem}`);
}
