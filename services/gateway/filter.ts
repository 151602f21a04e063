import { closestName } from "#core/closest-name.ts";
import type { AppError } from "#errors/app-error.ts";
import { invalidField } from "./list-request.ts";

/** Longer filters are refused. */
const maxFilterLength = 2_000;

/** A filter: terms that must all hold, each with its values, and free text. */
export interface Filter {
  readonly terms: ReadonlyMap<string, readonly string[]>;
  /** Null: none given. */
  readonly text: string | null;
}

/** Reads `state:failed,running dag_id:etl some text`. Refuses terms that the list does not offer, by name. */
export function parseFilter(filter: string, offered: { terms: readonly string[]; text: boolean }): Filter {
  if (filter.length > maxFilterLength) throw invalidField("filter", `is longer than ${maxFilterLength} characters`);
  const terms = new Map<string, readonly string[]>();
  const words: string[] = [];
  for (const [token] of filter.matchAll(/[^\s"]*"[^"]*"|\S+/g)) {
    const match = /^([A-Za-z_]+)(:|>=|<=|>|<|=)(.+)$/.exec(token);
    if (match === null) {
      words.push(token.replaceAll('"', ""));
      continue;
    }
    const [, name = "", operator = "", value = ""] = match;
    if (!offered.terms.includes(name)) throw unknownTerm(name, offered.terms);
    if (operator !== ":")
      throw invalidField("filter", `compares ${name} with "${operator}"; this list takes ${name}:value`);
    if (terms.has(name)) throw invalidField("filter", `gives ${name} twice; separate values by commas`);
    terms.set(name, value.replaceAll('"', "").split(","));
  }
  if (words.length > 0 && !offered.text) {
    throw invalidField("filter", `has free text ("${words.join(" ")}"); this list takes ${offered.terms.join(", ")}`);
  }
  return { terms, text: words.length === 0 ? null : words.join(" ") };
}

/** The values of a term, each one of the words that it takes. */
export function readWords<T extends string>(
  name: string,
  values: readonly string[],
  words: readonly T[],
): readonly T[] {
  return values.map((value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const closest = closestName(value, words);
    const hint = closest === null ? `use ${words.join(", ")}` : `did you mean ${closest}?`;
    throw invalidField(name, `"${value}" is unknown; ${hint}`);
  });
}

/** The only value of a term; null when it is absent. */
export function readSingle(filter: Filter, name: string): string | null {
  const values = filter.terms.get(name);
  if (values === undefined) return null;
  const [value, second] = values;
  if (value === undefined || value === "" || second !== undefined) throw invalidField(name, "takes one value");
  return value;
}

function unknownTerm(name: string, terms: readonly string[]): AppError {
  const closest = closestName(name, terms);
  const hint = closest === null ? "" : `; did you mean ${closest}?`;
  return invalidField("filter", `has no term ${name} here, only ${terms.join(", ")}${hint}`);
}
