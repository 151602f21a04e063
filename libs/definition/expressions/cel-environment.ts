import {
  type CelFunc,
  CelScalar,
  celEnv,
  celFunc,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  type plan,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { isMessage } from "@bufbuild/protobuf";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { DurationSchema, durationMs, TimestampSchema, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { countedFunctions, countedPatterns, boundedFunctions } from "./cel-costs.ts";
import { loopFunctions } from "./cel-loops.ts";
import type { Json } from "../model.ts";

/** A point in time; as text it is a date or an instant, which its place decides. */
export class Instant {
  readonly atMs: number;

  constructor(atMs: number) {
    this.atMs = atMs;
  }
}

/** What expressions and filters pass on. */
export type ExpressionValue = Json | Instant;

const { INT, DOUBLE } = CelScalar;

/** Whole numbers and fractions may be mixed: JSON has one kind of number, and a sum should not depend on its digits. */
const mixedArithmetic: CelFunc[] = (["_+_", "_-_", "_*_", "_/_"] as const).flatMap((operator) => [
  celFunc(operator, [INT, DOUBLE], DOUBLE, (left, right) => calculate(operator, Number(left), right)),
  celFunc(operator, [DOUBLE, INT], DOUBLE, (left, right) => calculate(operator, left, Number(right))),
]);

function calculate(operator: "_+_" | "_-_" | "_*_" | "_/_", left: number, right: number): number {
  switch (operator) {
    case "_+_":
      return left + right;
    case "_-_":
      return left - right;
    case "_*_":
      return left * right;
    case "_/_":
      return left / right;
  }
}

/** CEL's standard functions, its string extensions, and arithmetic on mixed numbers; regular expressions are linear-time. */
const uncounted = celEnv({
  funcs: [...strings, ...boundedFunctions, ...mixedArithmetic, ...loopFunctions],
  re2: countedPatterns,
});

/** The same; every call takes steps of its evaluation for the size of what it is given. */
export const celEnvironment: ReturnType<typeof celEnv> = celEnv({ funcs: [...countedFunctions(uncounted.funcs)] });

export type CelProgram = ReturnType<typeof plan>;
export type CelBindings = NonNullable<Parameters<CelProgram>[0]>;
type CelInput = CelBindings[string];

/** JSON for CEL: whole numbers are ints, others doubles; `asDouble` makes all of them doubles. */
export function toCelInput(value: ExpressionValue | undefined, asDouble = false): CelInput {
  if (value === undefined) return null;
  if (typeof value === "number") return !asDouble && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Instant) return timestampFromMs(value.atMs);
  if (Array.isArray(value)) return value.map((item: Json) => toCelInput(item, asDouble));
  return new Map(
    Object.entries(value as { readonly [key: string]: Json }).map(([key, item]) => [key, toCelInput(item, asDouble)]),
  );
}

/** CEL's result as JSON; durations become seconds as text, bytes base64. Throws a plain Error for what JSON can't hold. */
export function fromCelResult(value: unknown): ExpressionValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return safeInteger(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error(`the result is ${value}, which is no number that can be kept`);
    return value;
  }
  if (isCelUint(value)) return safeInteger(value.value);
  if (isCelList(value)) return [...value].map((item) => withoutInstant(fromCelResult(item)));
  if (isCelMap(value)) {
    return Object.fromEntries(
      [...value.entries()].map(([key, item]) => [
        String(isCelUint(key) ? key.value : key),
        withoutInstant(fromCelResult(item)),
      ]),
    );
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (isCelType(value)) return value.name;
  const message = isReflectMessage(value) ? value.message : value;
  if (isMessage(message, TimestampSchema)) return new Instant(timestampMs(message));
  if (isMessage(message, DurationSchema)) return `${durationMs(message) / 1000}s`;
  throw new Error("the result is of a kind that can't be kept");
}

/** Inside lists and maps a point in time is text. */
function withoutInstant(value: ExpressionValue): Json {
  return value instanceof Instant ? instantText(value.atMs) : value;
}

/** RFC 3339 in UTC, with milliseconds only where there are some. */
export function instantText(atMs: number): string {
  return new Date(atMs).toISOString().replace(".000Z", "Z");
}

function safeInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error(`the result ${value} is too large to be kept exactly`);
  return number;
}
