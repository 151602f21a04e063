import { z } from "zod";
import { durationForms, parseDuration } from "#schedule/duration.ts";

export type SettingKind = "duration" | "integer" | "size" | "text" | "choice" | "boolean" | "list" | "map";

/** What is known of one setting beside its name. */
export interface SettingFacts {
  readonly kind: SettingKind;
  readonly description: string;
  /** The value where nothing is set, as it would stand in a file; called at each resolving, as it may depend on the machine. */
  readonly fallback: () => unknown;
  /** The default in words. */
  readonly fallbackText: string;
  /** The command line's name for it, without dashes; null: none. */
  readonly flag: string | null;
  /** Its variable, where that is not made from its name. */
  readonly variable: string | null;
  /** Never printed. */
  readonly isSecret: boolean;
}

/** What a setting adds to its kind; `fallbackText` absent: the default as it stands. */
export interface SettingOptions {
  readonly description: string;
  readonly fallback: unknown;
  readonly fallbackText?: string;
  readonly flag?: string;
  readonly variable?: string;
  readonly isSecret?: boolean;
}

/** The facts of every setting, by its schema. */
export const settingFacts: z.core.$ZodRegistry<SettingFacts> = z.registry<SettingFacts>();

const sizeUnits = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/**
 * One builder a kind. Each accepts the value as a file has it (typed) and as a variable or flag has it (text), and says
 * in its error what the value must be. `orNull` kinds are null where nothing is set.
 */
export const setting = {
  /** Milliseconds. */
  duration: (options: SettingOptions) =>
    leaf("duration", options, `a duration such as ${durationForms}`, (value) =>
      typeof value === "string" ? parseDuration(value) : null,
    ),
  /** Zero means that something is off. */
  durationOrZero: (options: SettingOptions) =>
    leaf("duration", options, `0s for off, or a duration such as ${durationForms}`, (value) => {
      if (value === 0 || value === "0" || value === "0s") return 0;
      return typeof value === "string" ? parseDuration(value) : null;
    }),
  integer: (options: SettingOptions & { min: number; max: number }) =>
    leaf("integer", options, integerAdvice(options), (value) => readInteger(value, options)),
  integerOrNull: (options: SettingOptions & { min: number; max: number }) =>
    leafOrNull("integer", options, integerAdvice(options), (value) => readInteger(value, options)),
  /** Bytes. */
  size: (options: SettingOptions) => leaf("size", options, sizeAdvice, readSize),
  sizeOrNull: (options: SettingOptions) => leafOrNull("size", options, sizeAdvice, readSize),
  text: (options: SettingOptions) => leaf("text", options, "text that is not empty", readText),
  textOrNull: (options: SettingOptions & { pattern: RegExp; advice: string }) =>
    leafOrNull("text", options, options.advice, (value) => {
      const text = readText(value);
      return text !== null && options.pattern.test(text) ? text : null;
    }),
  choice: <const T extends string>(options: SettingOptions & { choices: readonly T[] }) =>
    leaf(
      "choice",
      options,
      `one of ${options.choices.join(", ")}`,
      (value) => options.choices.find((choice) => choice === value) ?? null,
    ),
  boolean: (options: SettingOptions) => leaf("boolean", options, "true or false", readBoolean),
  list: (options: SettingOptions & { itemPattern: RegExp; advice: string; mayBeEmpty?: boolean }) =>
    leaf("list", options, options.advice, (value) =>
      options.mayBeEmpty === true && isEmptyList(value) ? [] : readList(value, options.itemPattern),
    ),
  map: (options: SettingOptions) =>
    leaf("map", options, "name=value pairs such as zone=a,gpu=true, or a map of text", readMap),
};

/** `read` answers null for a value that does not fit. */
function leaf<T>(kind: SettingKind, options: SettingOptions, advice: string, read: (value: unknown) => T | null) {
  const schema = z.unknown().transform((value, context): T => {
    const parsed = read(value);
    if (parsed !== null) return parsed;
    context.addIssue({ code: "custom", message: `must be ${advice}` });
    return z.NEVER;
  });
  return schema.register(settingFacts, factsOf(kind, options));
}

function leafOrNull<T>(kind: SettingKind, options: SettingOptions, advice: string, read: (value: unknown) => T | null) {
  const schema = z.unknown().transform((value, context): T | null => {
    if (value === null) return null;
    const parsed = read(value);
    if (parsed === null) context.addIssue({ code: "custom", message: `must be ${advice}` });
    return parsed;
  });
  return schema.register(settingFacts, factsOf(kind, options));
}

function factsOf(kind: SettingKind, options: SettingOptions): SettingFacts {
  const { description, fallback, fallbackText, flag, variable, isSecret } = options;
  return {
    kind,
    description,
    fallback: typeof fallback === "function" ? (): unknown => fallback() : () => fallback,
    fallbackText: fallbackText ?? (Array.isArray(fallback) ? fallback.join(",") : String(fallback)),
    flag: flag ?? null,
    variable: variable ?? null,
    isSecret: isSecret ?? false,
  };
}

const sizeAdvice = "a size such as 512KiB, 64MiB or 1GiB, or a number of bytes";

function integerAdvice({ min, max }: { min: number; max: number }): string {
  return `a whole number from ${min} to ${max}`;
}

function readInteger(value: unknown, { min, max }: { min: number; max: number }): number | null {
  const read = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof read === "number" && Number.isInteger(read) && read >= min && read <= max ? read : null;
}

function readSize(value: unknown): number | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value > 0 ? value : null;
  const match = typeof value === "string" ? /^(\d{1,12})(B|KiB|MiB|GiB)?$/.exec(value) : null;
  const bytes = Number(match?.[1] ?? 0) * sizeUnits[(match?.[2] ?? "B") as keyof typeof sizeUnits];
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

function readBoolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : null;
}

function readList(value: unknown, itemPattern: RegExp): readonly string[] | null {
  const items: unknown = typeof value === "string" ? value.split(",").map((item) => item.trim()) : value;
  if (!Array.isArray(items) || items.length === 0) return null;
  const texts = items.filter((item): item is string => typeof item === "string" && itemPattern.test(item));
  return texts.length === items.length ? [...new Set(texts)] : null;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : typeof value === "string" && value.trim() === "";
}

function readMap(value: unknown): Readonly<Record<string, string>> | null {
  const entries = typeof value === "string" ? splitPairs(value) : entriesOf(value);
  const texts = entries?.filter((entry): entry is [string, string] => entry[0] !== "" && typeof entry[1] === "string");
  return entries === null || texts?.length !== entries.length ? null : Object.fromEntries(texts);
}

function splitPairs(text: string): [string, unknown][] {
  if (text.trim() === "") return [];
  return text.split(",").map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? ["", null] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

function entriesOf(value: unknown): [string, unknown][] | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
}
