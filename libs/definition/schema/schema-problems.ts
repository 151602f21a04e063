import type { z } from "zod";
import { closestName } from "#core/closest-name.ts";
import type { Json } from "../model.ts";
import { type Finding, proposal } from "../problem-list.ts";
import { fitsSchema } from "./fits-schema.ts";
import { notSupported } from "./not-supported.ts";
import { allowedKeys } from "./schema-keys.ts";

type Issue = z.core.$ZodIssue;

/** A finding with its path from the value that was checked; `isKey`: the key is meant, not its value. */
export interface SchemaFinding {
  readonly path: readonly (string | number)[];
  readonly isKey: boolean;
  readonly finding: Finding;
}

/** What the schema finds wrong with a value, in the words of people who write YAML. */
export function checkSchema(schema: z.ZodType, value: Json): readonly SchemaFinding[] {
  if (fitsSchema(schema, value)) return [];
  const result = schema.safeParse(value, { reportInput: false });
  return result.success ? [] : result.error.issues.flatMap((issue) => explain(issue, { schema, value }));
}

interface Context {
  readonly schema: z.ZodType;
  readonly value: Json;
}

function explain(issue: Issue, context: Context): SchemaFinding[] {
  const path = issue.path as (string | number)[];
  const value = valueAt(context.value, path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, path, context));
  if (issue.code === "invalid_union") {
    const inner = innerIssues(issue, value);
    if (inner !== null) return inner.flatMap((each) => explain({ ...each, path: [...path, ...each.path] }, context));
  }
  if (value === undefined && path.length > 0) {
    const message = `${named(path)} is required`;
    return [{ path: path.slice(0, -1), isKey: false, finding: { code: "MISSING_KEY", message } }];
  }
  if (issue.code === "invalid_key") {
    const message = `\`${String(path.at(-1))}\` ${issue.issues[0]?.message ?? "can't be a key here"}`;
    return [{ path, isKey: true, finding: { code: "INVALID_KEY", message } }];
  }
  return [{ path, isKey: false, finding: describeIssue(issue, path, value) }];
}

/** The issues of the one branch of a union that has the value's own shape; null when the branches tell nothing. */
function innerIssues(issue: Extract<Issue, { code: "invalid_union" }>, value: unknown): readonly Issue[] | null {
  const fitting = issue.errors.filter((branch) =>
    branch.every((each) => each.code !== "invalid_type" || each.path.length > 0),
  );
  const branch = fitting.find((each) => each.length > 0);
  return value === undefined ? null : (branch ?? null);
}

function unknownKey(key: string, path: readonly (string | number)[], context: Context): SchemaFinding {
  const keys = allowedKeys(context.schema, path);
  const near = closestName(key, keys);
  const where = path.length === 0 ? "" : ` in ${named(path)}`;
  const hint = near === null ? keysHint(key, keys) : proposal(near);
  const finding = { code: "UNKNOWN_KEY", message: `the key \`${key}\` is not known${where}`, hint };
  return { path: [...path, key], isKey: true, finding };
}

function keysHint(key: string, keys: readonly string[]): string {
  if (key === "<<") return "merge keys are no part of YAML 1.2; use `default_task_config`";
  return keys.length > 0 && keys.length <= 12 ? `the keys here are ${keys.join(", ")}` : "";
}

function describeIssue(issue: Issue, path: readonly (string | number)[], value: unknown): Finding {
  const subject = path.length === 0 ? "it" : named(path);
  if (path.at(-1) === "executor" && (value === "kafka" || value === "kubernetes")) {
    return notSupported(`\`executor: ${value}\``);
  }
  switch (issue.code) {
    case "invalid_type":
      return {
        code: "INVALID_TYPE",
        message: `${subject} must be ${typeName(issue.expected)}, not ${describeValue(value)}`,
        hint: typeHint(issue.expected, value, path.at(-1)),
      };
    case "invalid_value": {
      const choices = issue.values.map(String);
      const near = typeof value === "string" ? closestName(value, choices) : null;
      const message = `${subject} must be ${choices.length > 1 ? "one of " : ""}${choices.join(", ")}, not ${describeValue(value)}`;
      return { code: "INVALID_VALUE", message, hint: proposal(near) };
    }
    case "too_small":
    case "too_big":
      return { code: "OUT_OF_RANGE", message: `${subject} ${boundOf(issue)}` };
    case "invalid_union":
      return {
        code: "INVALID_TYPE",
        message: `${subject} can't be ${describeValue(value)}`,
        hint: typeHint("string", value, path.at(-1)),
      };
    default:
      return { code: "INVALID_VALUE", message: `${subject} ${issue.message}` };
  }
}

function boundOf(issue: Extract<Issue, { code: "too_small" | "too_big" }>): string {
  const isLow = issue.code === "too_small";
  const bound = isLow ? issue.minimum : issue.maximum;
  const limit =
    issue.inclusive === false
      ? isLow
        ? `more than ${bound}`
        : `less than ${bound}`
      : `at ${isLow ? "least" : "most"} ${bound}`;
  if (issue.origin === "string") return `must have ${limit} characters`;
  return issue.origin === "array" ? `must have ${limit} entries` : `must be ${limit}`;
}

function typeName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "a map",
    record: "a map",
  };
  return names[expected] ?? expected;
}

function typeHint(expected: string, value: unknown, key?: string | number): string {
  if (typeof value === "number" && durationKeys.has(String(key))) return `give a unit, for example ${value}s`;
  if (expected === "number" && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) {
    return "write it without quotes";
  }
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean"))
    return `put it in quotes: "${String(value)}"`;
  if (expected === "array" && typeof value === "string") return `write a list: [${value}]`;
  if (key === "for_each" && Array.isArray(value)) return `write the list as an expression: ${asExpression(value)}`;
  if (value === null) return "remove the key, or give it a value";
  return "";
}

function asExpression(list: readonly unknown[]): string {
  const items = list.map((item) => (typeof item === "string" ? `'${item}'` : JSON.stringify(item)));
  const text = items.join(", ");
  return text.length > 60 ? "\"['a', 'b']\"" : `"[${text}]"`;
}

/** A value in a message: its type, and itself when it is short. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  const shown = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return typeof value === "string" ? `the text ${shown}` : shown;
}

const durationKeys: ReadonlySet<string> = new Set([
  "timeout",
  "delay",
  "max_delay",
  "retry_timeout",
  "queue_timeout",
  "grace_period",
  "run_timeout",
  "after",
  "every",
  "jitter",
]);

function named(path: readonly (string | number)[]): string {
  return `\`${path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`), "")}\``;
}

function valueAt(value: Json, path: readonly (string | number)[]): unknown {
  let found: unknown = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Readonly<Record<string | number, unknown>>)[step];
  }
  return found;
}
