import { AppError } from "#errors/app-error.ts";
import type { SqlDialect } from "./sql-dialect.ts";
import type { SqlSegment, SqlStatement } from "./sql-statement.ts";

/** A JSON value. */
export type SqlValue = null | boolean | number | string | readonly SqlValue[] | { readonly [key: string]: SqlValue };

/** What comes into a hole. */
export type HoleContent =
  | { readonly kind: "value"; readonly value: SqlValue }
  | { readonly kind: "name"; readonly name: string };

/** Parameters that the query refers to itself: by name, or by place. */
export type QueryParameters = { readonly [name: string]: SqlValue } | readonly SqlValue[];

/** A statement as a database takes it: values apart from the text. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

export interface Binding {
  readonly dialect: SqlDialect;
  readonly holes: readonly HoleContent[];
  readonly parameters: QueryParameters;
}

/** Binds the statements of one query. Throws INVALID_ARGUMENT for a parameter that is missing or that nothing uses, and for a name that can't be one. */
export function bindStatements(statements: readonly SqlStatement[], binding: Binding): readonly BoundStatement[] {
  const used = new UsedParameters(binding.parameters);
  const bound = statements.map(({ segments }) => bindSegments(segments, binding, used));
  used.expectAllUsed();
  return bound;
}

function bindSegments(segments: readonly SqlSegment[], binding: Binding, used: UsedParameters): BoundStatement {
  const values: SqlValue[] = [];
  const named = new Map<string, number>();
  const place = (value: SqlValue): string => {
    values.push(value);
    return markOf(values.length, binding.dialect);
  };
  const text = segments.map((segment) => {
    switch (segment.kind) {
      case "code":
        return segment.text;
      case "name":
        return quoteName(nameAt(segment.hole, binding), binding.dialect);
      case "value":
        return place(valueAt(segment.hole, binding));
      case "text":
        return place(
          segment.pieces.map((piece) => (typeof piece === "string" ? piece : textOf(valueAt(piece, binding)))).join(""),
        );
      case "parameter": {
        // The same one twice is one parameter, so that a database need not guess its type twice.
        const known = binding.dialect === "postgres" ? named.get(segment.name) : undefined;
        if (known !== undefined) return markOf(known, binding.dialect);
        const mark = place(used.take(segment.name, segment.text));
        named.set(segment.name, values.length);
        return mark;
      }
    }
  });
  return { text: text.join("").trimEnd(), values };
}

function markOf(place: number, dialect: SqlDialect): string {
  return dialect === "postgres" ? `$${place}` : "?";
}

/** A value within longer text: lists and maps as JSON, null as nothing. */
function textOf(value: SqlValue): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The name as the database reads it as one, whatever is in it. */
export function quoteName(name: string, dialect: SqlDialect): string {
  if (name === "" || /[\p{Cc}\p{Cs}]/u.test(name)) {
    throw new AppError("INVALID_ARGUMENT", `${JSON.stringify(name)} can't be the name of a table or column`);
  }
  const quote = dialect === "mysql" ? "`" : '"';
  return quote + name.replaceAll(quote, quote + quote) + quote;
}

function valueAt(hole: number, { holes }: Binding): SqlValue {
  const content = holes[hole];
  return content?.kind === "value" ? content.value : (content?.name ?? null);
}

function nameAt(hole: number, { holes }: Binding): string {
  const content = holes[hole];
  return content?.kind === "name" ? content.name : "";
}

/** Parameters by name (`:name`), by number from 1 (`$1`), or in their order (`?`). */
class UsedParameters {
  readonly #parameters: QueryParameters;
  readonly #used = new Set<string>();
  #nextMark = 0;

  constructor(parameters: QueryParameters) {
    this.#parameters = parameters;
  }

  take(name: string, text: string): SqlValue {
    const key = this.#keyOf(name);
    const isNumbered = name === "?" || /^\d+$/.test(name);
    const isThere = isNumbered === isList(this.#parameters) && Object.hasOwn(this.#parameters, key);
    const value = isThere ? (this.#parameters as Readonly<Record<string, SqlValue>>)[key] : undefined;
    if (value === undefined) {
      throw new AppError("INVALID_ARGUMENT", `the query has ${text}, but \`parameters\` ${describe(this.#parameters)}`);
    }
    this.#used.add(key);
    return value;
  }

  expectAllUsed(): void {
    const unused = Object.keys(this.#parameters).find((key) => !this.#used.has(key));
    if (unused === undefined) return;
    const shown = isList(this.#parameters) ? `$${Number(unused) + 1}` : `:${unused}`;
    throw new AppError("INVALID_ARGUMENT", `\`parameters\` has a value for ${shown}, which the query does not use`);
  }

  #keyOf(name: string): string {
    if (name !== "?") return isList(this.#parameters) ? String(Number(name) - 1) : name;
    this.#nextMark += 1;
    return String(this.#nextMark - 1);
  }
}

function describe(parameters: QueryParameters): string {
  const names = Object.keys(parameters);
  if (names.length === 0) return "has no values";
  return isList(parameters) ? `is a list of ${names.length}` : `has ${names.join(", ")}`;
}

function isList(parameters: QueryParameters): parameters is readonly SqlValue[] {
  return Array.isArray(parameters);
}
