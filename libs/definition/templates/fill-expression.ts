import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import { splitPipes } from "../expressions/cel-text.ts";
import { evaluateToJson } from "../expressions/evaluate-expression.ts";
import { compileExpression } from "../expressions/expression.ts";
import { definitionLimits } from "../limits.ts";
import type { Json } from "../model.ts";
import { type Finding, proposal } from "../problem-list.ts";
import type { RenderContext } from "../rendering/render-context.ts";
import { toLiteral } from "./template-literal.ts";
import { type DottedName, dottedNames, hasDefault, replaceNames, withoutRuntimeDots } from "./template-names.ts";

/** What the expressions of one template are filled with. */
export interface FillScope {
  /** By name, without prototype; `template` holds name and version. A declared parameter without value is absent. */
  readonly values: Readonly<Record<string, Json>>;
  readonly declared: ReadonlySet<string>;
  /** Declared parameters that get their value after the place that is filled. */
  readonly later: ReadonlySet<string>;
  /** Parameters of type number, which are numbers with fractions whatever their value. */
  readonly doubles: ReadonlySet<string>;
  /** Parameters whose value is an example. */
  readonly madeUp: ReadonlySet<string>;
  /** Characters that may still be filled in: values that grow by each other end here. */
  readonly budget: { left: number };
}

/** A finding at a character of the text that is filled. */
export type ReportAt = (offset: number, finding: Finding) => void;

export type FilledExpression =
  /** It reads nothing of the template, and stays for run time. */
  | { readonly kind: "runtime"; readonly body: string }
  /** It reads the template alone: this is its value. `filter` is its last one where only the place can apply it. */
  | {
      readonly kind: "constant";
      readonly value: Json;
      readonly filter: "raw" | "ident" | null;
      readonly isMadeUp: boolean;
    }
  /** It reads both: the template's values stand in it as constants. */
  | { readonly kind: "mixed"; readonly body: string; readonly isMadeUp: boolean }
  /** What is wrong was reported. */
  | { readonly kind: "failed" };

const failed: FilledExpression = { kind: "failed" };

/** Fills the values of a template into one expression, given without its braces. */
export function fillExpression(written: string, scope: FillScope, report: ReportAt): FilledExpression {
  const body = withoutRuntimeDots(written);
  const names = dottedNames(body);
  if (names.length === 0) return { kind: "runtime", body };
  if (!checkNames(body, names, scope, report)) return failed;
  const isMadeUp = names.some(({ name }) => scope.madeUp.has(name));
  if (!readsOnlyTemplate(body, names)) return { kind: "mixed", body: withLiterals(body, names, scope), isMadeUp };
  const { text, filter } = splitPlaceFilter(replaceNames(body, names, ({ name }) => `params.${name}`));
  const value = evaluate(text, scope, report);
  return value === undefined ? failed : { kind: "constant", value, filter, isMadeUp };
}

/** An expression whose place needs code rather than a value: the template's values stand in it as constants. */
export function fillAsCode(written: string, scope: FillScope, report: ReportAt): { body: string; isMadeUp: boolean } {
  const body = withoutRuntimeDots(written);
  const names = dottedNames(body);
  if (!checkNames(body, names, scope, report)) return { body: "null", isMadeUp: true };
  return { body: withLiterals(body, names, scope), isMadeUp: names.some(({ name }) => scope.madeUp.has(name)) };
}

/** What was filled in must stay within the limit; false, with a finding, when it does not. */
function spend(value: Json, { budget }: FillScope, report: ReportAt): boolean {
  const isSpent = budget.left < 0;
  budget.left -= typeof value === "string" ? value.length : JSON.stringify(value).length;
  if (budget.left >= 0) return true;
  const message = `more than ${definitionLimits.fileBytes} characters are filled in`;
  if (!isSpent) report(0, { code: "TEMPLATE_TOO_LARGE", message, hint: "pass shorter values" });
  return false;
}

function withLiterals(body: string, names: readonly DottedName[], { values, doubles }: FillScope): string {
  return replaceNames(body, names, ({ name }) => toLiteral(values[name] ?? null, doubles.has(name)));
}

/** Every name must be known and have a value, unless `default` follows. */
function checkNames(body: string, names: readonly DottedName[], scope: FillScope, report: ReportAt): boolean {
  if (hasDefault(body)) return true;
  let isGood = true;
  for (const { name, start } of names) {
    if (Object.hasOwn(scope.values, name)) continue;
    isGood = false;
    report(start, missingName(name, scope));
  }
  return isGood;
}

function missingName(name: string, { declared, later }: FillScope): Finding {
  if (later.has(name)) {
    const hint = "declare it first; a default may read earlier parameters only";
    return { code: "UNKNOWN_NAME", message: `the parameter \`${name}\` is set after this one`, hint };
  }
  if (declared.has(name)) {
    const message = `the parameter \`${name}\` has no value`;
    return { code: "VALUE_MISSING", message, hint: `give it, or write \`.${name} | default(…)\`` };
  }
  const near = closestName(name, declared);
  const hint =
    near === null
      ? "declare it under `template.parameters`, or write `| default(…)` after it; names of run time have no dot"
      : proposal(`.${near}`);
  return { code: "UNKNOWN_NAME", message: `the template has no parameter \`${name}\``, hint };
}

/** Whether nothing of run time is read: the names of the template are masked by constants of the same length. */
function readsOnlyTemplate(body: string, names: readonly DottedName[]): boolean {
  const masked = replaceNames(body, names, ({ start, end }) => '""'.padEnd(end - start));
  return compileExpression(masked).names.every(({ roots }) => roots.length === 0);
}

/** `raw` and `ident` say how a value stands in code, which is not decided here. */
function splitPlaceFilter(body: string): { text: string; filter: "raw" | "ident" | null } {
  const match = /\|\s*(raw|ident)\s*(?:\(\s*\))?\s*$/.exec(body);
  const isLast = match !== null && splitPipes(body).at(-1)?.offset === match.index + 1;
  if (!isLast) return { text: body, filter: null };
  return { text: body.slice(0, match.index), filter: match[1] === "raw" ? "raw" : "ident" };
}

/** Undefined: it can't be computed, which was reported. */
function evaluate(text: string, scope: FillScope, report: ReportAt): Json | undefined {
  const { expression, issues } = compileExpression(text);
  for (const { offset, ...finding } of issues) report(Math.min(offset, text.length), finding);
  if (expression === null) return undefined;
  try {
    const value = evaluateToJson(expression, { context: contextOf(scope), doubles: scope.doubles });
    return spend(value, scope, report) ? value : undefined;
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    report(0, { code: thrown.code, message: thrown.message.replaceAll("params.", ".") });
    return undefined;
  }
}

function contextOf({ values }: FillScope): RenderContext {
  return {
    params: values,
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "", dag_id: "", run_type: "", start_date: null },
    taskInstance: { task_id: "", try_number: 0, max_tries: 0 },
    outputs: () => undefined,
    tempDir: "",
  };
}
