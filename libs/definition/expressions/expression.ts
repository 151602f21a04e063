import { closestName } from "#core/closest-name.ts";
import { compileTerm, type Term } from "./cel-program.ts";
import { findClosing, splitArguments, splitPipes, type TextPart } from "./cel-text.ts";
import type { ExpressionIssue, ExpressionNames } from "./expression-names.ts";
import { type Filter, filters } from "./filters.ts";
import { definitionLimits } from "../limits.ts";
import { proposal } from "../problem-list.ts";
import { secretUseIssue } from "./secret-names.ts";

/** A filter with the arguments that an expression gives it. */
export interface FilterStep {
  readonly name: string;
  readonly filter: Filter;
  readonly given: readonly Term[];
}

/** What stands between `{{` and `}}`: `cel (| filter[(args)])*`, parsed and planned once. */
export interface Expression {
  readonly source: string;
  readonly value: Term;
  readonly steps: readonly FilterStep[];
  readonly names: readonly ExpressionNames[];
  /** Its last filter is `raw`: the value goes into code as text. */
  readonly isRaw: boolean;
  /** It reads `now`, so an instant keeps its time as text. */
  readonly keepsTime: boolean;
}

export interface ExpressionResult {
  /** Null when there is an issue. */
  readonly expression: Expression | null;
  /** What could be read, also where there are issues. */
  readonly names: readonly ExpressionNames[];
  readonly issues: readonly ExpressionIssue[];
}

/** Compiles the body of an expression; offsets of issues and names count from the beginning of the body. */
export function compileExpression(body: string): ExpressionResult {
  if (body.length > definitionLimits.expressionLength) {
    const message = `the expression has ${body.length} characters; the limit is ${definitionLimits.expressionLength}`;
    return { expression: null, names: [], issues: [{ offset: 0, code: "EXPRESSION_SYNTAX", message }] };
  }
  const compilation = new Compilation();
  const [main, ...pipes] = splitPipes(body);
  const value = compilation.term(main ?? { text: "", offset: 0 });
  const steps = pipes.map((pipe) => compilation.step(pipe));
  if (steps.slice(0, -1).some((step) => step?.name === "raw")) {
    compilation.issues.push({ offset: 0, code: "EXPRESSION_SYNTAX", message: "`raw` must be the last filter" });
  }
  const { names, issues } = compilation;
  const secret = secretUseIssue(names, { isPlainPath: value?.kind === "path" && steps.length === 0 });
  if (secret !== null) issues.push(secret);
  if (value === null || steps.includes(null) || issues.length > 0) return { expression: null, names, issues };
  const expression: Expression = {
    source: body.trim(),
    value,
    steps: steps.filter((step) => step !== null),
    names,
    isRaw: steps.at(-1)?.name === "raw",
    keepsTime: names.some(({ roots }) => roots.some((root) => root.name === "now")),
  };
  return { expression, names, issues };
}

class Compilation {
  readonly issues: ExpressionIssue[] = [];
  readonly names: ExpressionNames[] = [];

  term({ text, offset }: TextPart): Term | null {
    const { term, names, issues } = compileTerm(text);
    if (names !== null) this.names.push(shifted(names, offset));
    this.issues.push(...issues.map((issue) => ({ ...issue, offset: issue.offset + offset })));
    return term;
  }

  step({ text, offset }: TextPart): FilterStep | null {
    const match = /^(\s*)([A-Za-z_]\w*)(\s*)/.exec(text);
    const name = match?.[2] ?? "";
    const at = offset + (match?.[1] ?? "").length;
    const filter = filters.get(name);
    if (match === null) {
      this.issues.push({
        offset,
        code: "EXPRESSION_SYNTAX",
        message: "a pipe must be followed by the name of a filter",
        hint: "CEL writes || for or",
      });
      return null;
    }
    if (filter === undefined) {
      this.issues.push({
        offset: at,
        code: "UNKNOWN_FILTER",
        message: `the filter \`${name}\` is not known`,
        hint: filterHint(name),
      });
      return null;
    }
    const parts = argumentParts({ text: text.slice(match[0].length), offset: offset + match[0].length });
    if (parts.length < filter.minArguments || parts.length > filter.maxArguments) {
      const message = `the filter \`${name}\` takes ${arity(filter)}, not ${parts.length}`;
      this.issues.push({ offset: at, code: "WRONG_ARGUMENTS", message });
      return null;
    }
    const given = parts.map((part) => this.term(part));
    return given.includes(null) ? null : { name, filter, given: given.filter((term) => term !== null) };
  }
}

/** `f('a', 'b')` or `f 'a'`: the rest after the name, without its brackets. */
function argumentParts({ text, offset }: TextPart): TextPart[] {
  const isCall = text.startsWith("(") && findClosing(text, 0) === text.trimEnd().length - 1;
  const inner = isCall ? { text: text.slice(1, findClosing(text, 0)), offset: offset + 1 } : { text, offset };
  return splitArguments(inner.text).map((part) => ({ text: part.text, offset: part.offset + inner.offset }));
}

function arity({ minArguments, maxArguments }: Filter): string {
  const count = minArguments === maxArguments ? String(minArguments) : `${minArguments} or ${maxArguments}`;
  return `${count === "0" ? "no" : count} argument${count === "1" ? "" : "s"}`;
}

function filterHint(name: string): string {
  const near = closestName(name, filters.keys());
  return near === null ? `filters are ${[...filters.keys()].join(", ")}` : proposal(near);
}

function shifted(names: ExpressionNames, by: number): ExpressionNames {
  if (by === 0) return names;
  const move = <T extends { readonly offset: number }>(each: T): T => ({ ...each, offset: each.offset + by });
  return {
    roots: names.roots.map(move),
    parameters: names.parameters.map(move),
    outputs: names.outputs.map(move),
    readsAllParameters: names.readsAllParameters,
  };
}
