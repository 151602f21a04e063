import { hasExpression, readHole, unbalanced } from "../code/code-scan.ts";
import { bareTemplate } from "../expressions/bare-expression.ts";
import { skipToken } from "../expressions/cel-text.ts";
import type { Json } from "../model.ts";
import { scanSqlPlaces } from "../code/sql-places.ts";
import { type FilledExpression, fillAsCode, fillExpression, type FillScope, type ReportAt } from "./fill-expression.ts";

import type { SourcedNode } from "./sourced-tree.ts";
import { escapePiece, escapeValue, toLiteral } from "./template-literal.ts";

/**
 * What a text of the body is, which decides how a value stands in it:
 * - `plain`: nobody renders it; the value is put in as it is.
 * - `rendered`: its other expressions are rendered at run time, so that braces of the value are written as expressions.
 * - `bare`: an expression without braces; the value is a constant of it.
 * - `code`, `sql`: the value stays a constant expression, which the rules of the language put beside the code.
 */
export type TextPlace = "plain" | "rendered" | "bare" | "code" | "sql";

type Spans = NonNullable<SourcedNode["spans"]>;

export interface FilledText {
  readonly value: Json;
  readonly spans: Spans;
  readonly isMadeUp: boolean;
}

/** Fills the values of a template into a text. Null: nothing had to be filled in. */
export function fillText(text: string, place: TextPlace, scope: FillScope, report: ReportAt): FilledText | null {
  if (place === "bare") return fillBare(text, scope, report);
  if (!hasExpression(text)) return null;
  const filling = new Filling(text, place, scope, report);
  return filling.run();
}

class Filling {
  readonly #text: string;
  readonly #place: Exclude<TextPlace, "bare">;
  readonly #scope: FillScope;
  readonly #report: ReportAt;
  readonly #spans: Spans[number][] = [];
  /** Where constant expressions begin in the result that may have to be names. */
  readonly #values: number[] = [];
  #result = "";
  #isMadeUp = false;

  constructor(text: string, place: Exclude<TextPlace, "bare">, scope: FillScope, report: ReportAt) {
    this.#text = text;
    this.#place = place;
    this.#scope = scope;
    this.#report = report;
  }

  run(): FilledText | null {
    const text = this.#text;
    let end = 0;
    for (let at = text.indexOf("{{"); at !== -1; at = text.indexOf("{{", end)) {
      const hole = readHole(text, at, { kind: "text" });
      if (hole.end === -1) {
        // Text that nobody renders may hold braces.
        if (this.#place !== "plain") {
          const { offset, ...finding } = unbalanced(at);
          this.#report(offset, finding);
        }
        break;
      }
      const filled = fillExpression(hole.body, this.#scope, (offset, finding) =>
        this.#report(at + 2 + offset, finding),
      );
      const isWhole = at === 0 && hole.end === text.length;
      if (isWhole && filled.kind === "constant" && this.#isText) return this.#whole(filled);
      this.#add(text.slice(end, at), end);
      this.#addFilled(filled, at, hole.end);
      end = hole.end;
    }
    this.#add(text.slice(end), end);
    const result = this.#place === "sql" ? withNames(this.#result, this.#values) : this.#result;
    return result === text ? null : { value: result, spans: this.#spans, isMadeUp: this.#isMadeUp };
  }

  get #isText(): boolean {
    return this.#place === "plain" || this.#place === "rendered";
  }

  /** A text that is nothing but one expression keeps its type. */
  #whole({ value, isMadeUp }: Extract<FilledExpression, { kind: "constant" }>): FilledText {
    const spans = [{ start: 0, writtenAt: 0 }];
    return { value: this.#place === "plain" ? value : escapeValue(value), spans, isMadeUp };
  }

  #add(piece: string, writtenAt: number): void {
    if (piece === "") return;
    this.#spans.push({ start: this.#result.length, writtenAt });
    this.#result += piece;
  }

  #addFilled(filled: FilledExpression, start: number, end: number): void {
    switch (filled.kind) {
      case "failed":
        this.#isMadeUp = true;
        return;
      case "runtime":
        return this.#add(this.#place === "plain" ? this.#text.slice(start, end) : `{{${filled.body}}}`, start);
      case "mixed":
        this.#isMadeUp ||= filled.isMadeUp;
        return this.#add(`{{${filled.body}}}`, start);
      case "constant":
        this.#isMadeUp ||= filled.isMadeUp;
        if (this.#place === "code" || this.#place === "sql") {
          if (filled.filter === null) this.#values.push(this.#result.length);
          const filter = filled.filter === null ? "" : ` | ${filled.filter}`;
          return this.#add(`{{ ${toLiteral(filled.value)}${filter} }}`, start);
        }
        return this.#add(this.#place === "plain" ? asText(filled.value) : escapePiece(asText(filled.value)), start);
    }
  }
}

/** Values that stand where SQL wants a name become names. */
function withNames(sql: string, values: readonly number[]): string {
  const { holes } = scanSqlPlaces(sql);
  const wanted = new Map(
    holes.flatMap(({ start, end, place }) =>
      place.kind === "refused" && place.wantsName === true ? [[start, end] as const] : [],
    ),
  );
  return values.reduceRight((text, start) => {
    const end = wanted.get(start);
    return end === undefined ? text : `${text.slice(0, end - 2)}| ident ${text.slice(end - 2)}`;
  }, sql);
}

/** In longer text lists and maps are JSON, and null is nothing, as at run time. */
function asText(value: Json): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A bare expression, with braces around all of it, around parts of it, or without any. */
function fillBare(text: string, scope: FillScope, report: ReportAt): FilledText | null {
  const { shift } = bareTemplate(text);
  const isBare = shift > 0;
  if (isBare && text.includes("{{")) return fillBareParts(text, scope, report);
  const start = isBare ? 0 : text.indexOf("{{") + 2;
  const inner = isBare ? text : text.trim().slice(2, -2);
  const { body, isMadeUp } = fillAsCode(inner, scope, (offset, finding) => report(start + offset, finding));
  return body === inner ? null : { value: body.trim(), spans: [{ start: 0, writtenAt: start }], isMadeUp };
}

/** `params.region == '{{ .region }}'`: each part becomes a constant, with the quotes that stand around it alone. */
function fillBareParts(text: string, scope: FillScope, report: ReportAt): FilledText | null {
  let result = "";
  let end = 0;
  let isMadeUp = false;
  for (let at = text.indexOf("{{"); at !== -1; at = text.indexOf("{{", end)) {
    const hole = readHole(text, at, { kind: "text" });
    if (hole.end === -1) break;
    const quote = text.charAt(at - 1);
    const isQuoted = (quote === "'" || quote === '"') && text.charAt(hole.end) === quote;
    const before = text.slice(end, isQuoted ? at - 1 : at);
    if (!isQuoted && endsInString(result + before)) {
      const hint = "write it outside of the quotes, without braces, and join with +";
      report(at, { code: "UNSAFE_PLACE", message: "an expression can't stand within a text here", hint });
      return null;
    }
    const filled = fillExpression(hole.body, scope, (offset, finding) => report(at + 2 + offset, finding));
    if (filled.kind === "constant") result += before + toLiteral(isQuoted ? asText(filled.value) : filled.value);
    else if (filled.kind === "failed") return null;
    else result += `${before}(${filled.body})`;
    isMadeUp ||= filled.kind !== "runtime" && filled.isMadeUp;
    end = isQuoted ? hole.end + 1 : hole.end;
  }
  const rest = fillAsCode(result + text.slice(end), scope, report);
  return { value: rest.body, spans: [{ start: 0, writtenAt: 0 }], isMadeUp: isMadeUp || rest.isMadeUp };
}

function endsInString(text: string): boolean {
  let at = 0;
  while (at !== -1 && at < text.length) at = skipToken(text, at);
  return at === -1;
}
