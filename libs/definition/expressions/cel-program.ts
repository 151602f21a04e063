import { parse, plan } from "@bufbuild/cel";
import { LRUCache } from "lru-cache";
import { closestName } from "#core/closest-name.ts";
import { type CelProgram, celEnvironment } from "./cel-environment.ts";
import { boundLoops } from "./cel-loops.ts";
import { rewriteXcomPull } from "./cel-text.ts";
import { chainOf, childrenOf, type CelNode, identifierOf, isDeeperThan, replaceByChain, textOf } from "./cel-tree.ts";
import {
  collectNames,
  type ExpressionIssue,
  type ExpressionNames,
  isRootName,
  namesOfPath,
} from "./expression-names.ts";
import { filters } from "./filters.ts";
import { definitionLimits } from "../limits.ts";
import { proposal } from "../problem-list.ts";

/** One CEL text, ready to run: a plain path, which is looked up, or a program. */
export type Term =
  | { readonly kind: "path"; readonly path: readonly string[] }
  | { readonly kind: "program"; readonly run: CelProgram };

export type TermResult =
  | { readonly term: Term; readonly names: ExpressionNames; readonly issues: readonly [] }
  | { readonly term: null; readonly names: ExpressionNames | null; readonly issues: readonly ExpressionIssue[] };

const tooDeep: ExpressionIssue = {
  offset: 0,
  code: "EXPRESSION_SYNTAX",
  message: "the expression is nested too deeply",
};

const plainPath = /^(\s*)([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*$/;

/** Texts are compiled when a file is checked, and again when its definition is used. */
const compiled = new LRUCache<string, TermResult>({ max: 10_000 });

/** Parses and plans one CEL text. Everything that can be wrong without knowing the definition is an issue. */
export function compileTerm(text: string): TermResult {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const result = compileNewTerm(text);
  compiled.set(text, result);
  return result;
}

function compileNewTerm(text: string): TermResult {
  const path = plainPath.exec(text);
  const steps = (path?.[2] ?? "")
    .split(".")
    .map((step, index) => (index === 0 && step === "upstream" ? "outputs" : step));
  if (path !== null && isRootName(steps[0] ?? "")) {
    const { names, issues } = namesOfPath(steps, (path[1] ?? "").length);
    return issues.length > 0
      ? { term: null, names, issues }
      : { term: { kind: "path", path: steps }, names, issues: [] };
  }
  const dot = /^(\s*)\.\s*[A-Za-z_]/.exec(text);
  if (dot !== null) return { term: null, names: null, issues: [leadingDot((dot[1] ?? "").length)] };
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rewriteXcomPull(text));
  } catch (error) {
    return { term: null, names: null, issues: [syntaxIssue(error, text)] };
  }
  if (isDeeperThan(parsed.expr, definitionLimits.expressionNesting))
    return { term: null, names: null, issues: [tooDeep] };
  const positions = parsed.sourceInfo?.positions ?? {};
  const offsetOf = (node: CelNode): number => positions[String(node.id)] ?? 0;
  const callIssues = checkCalls(parsed.expr, offsetOf);
  const { names, issues: nameIssues } = collectNames(parsed.expr, offsetOf);
  const issues = [...callIssues, ...nameIssues];
  if (issues.length > 0) return { term: null, names, issues: hyphenIssue(text) ?? issues };
  const chain = chainOf(parsed.expr);
  const isTest = parsed.expr.exprKind.case === "selectExpr" && parsed.expr.exprKind.value.testOnly;
  if (chain !== null && !isTest && isRootName(chain[0] ?? ""))
    return { term: { kind: "path", path: chain }, names, issues: [] };
  boundLoops(parsed.expr);
  return { term: { kind: "program", run: plan(celEnvironment, parsed.expr) }, names, issues: [] };
}

/** Rewrites what is only another way to write an output, and reports calls that no function fits. */
function checkCalls(tree: CelNode, offsetOf: (node: CelNode) => number): ExpressionIssue[] {
  const issues: ExpressionIssue[] = [];
  const visit = (node: CelNode): void => {
    for (const child of childrenOf(node)) visit(child);
    if (identifierOf(node) === "upstream") return replaceByChain(node, ["outputs"]);
    if (node.exprKind.case !== "callExpr") return;
    const issue = node.exprKind.value.function === "xcom_pull" ? replaceXcomPull(node) : callIssue(node);
    if (issue !== null) issues.push({ offset: offsetOf(node), ...issue });
  };
  visit(tree);
  return issues;
}

type Finding = Omit<ExpressionIssue, "offset">;

function replaceXcomPull(node: CelNode): Finding | null {
  if (node.exprKind.case !== "callExpr") return null;
  const { target, args } = node.exprKind.value;
  const [task, key] = args.map(textOf);
  const isOurs = target === undefined || identifierOf(target) === "task_instance";
  if (!isOurs || args.length !== 2 || typeof task !== "string" || typeof key !== "string") {
    return {
      code: "WRONG_ARGUMENTS",
      message: "`xcom_pull` takes a task and a key, both as text in quotes",
      hint: "write xcom_pull('task', 'key')",
    };
  }
  replaceByChain(node, ["outputs", task, key]);
  return null;
}

/** Numbers of arguments by function name; a method's target is told apart. */
const signatures: ReadonlyMap<string, ReadonlySet<string>> = buildSignatures();
const macros: ReadonlyMap<string, string> = new Map([
  ["has", "has(params.name)"],
  ["all", "list.all(item, condition)"],
  ["exists", "list.exists(item, condition)"],
  ["exists_one", "list.exists_one(item, condition)"],
  ["map", "list.map(item, value)"],
  ["filter", "list.filter(item, condition)"],
]);

function buildSignatures(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { name, target, arguments: parameters } of celEnvironment.funcs) {
    const known = found.get(name) ?? new Set();
    found.set(name, known.add(signature(target !== undefined, parameters.length)));
  }
  return found;
}

function signature(isMethod: boolean, count: number): string {
  return `${isMethod ? "method" : "function"} ${count}`;
}

function callIssue(node: CelNode): Finding | null {
  if (node.exprKind.case !== "callExpr") return null;
  const { function: name, target, args } = node.exprKind.value;
  if (!/^[A-Za-z]/.test(name)) return null;
  const qualified = target === undefined ? null : chainOf(target)?.join(".");
  if (signatures.get(`${qualified}.${name}`)?.has(signature(false, args.length)) === true) return null;
  const known = signatures.get(name);
  if (known?.has(signature(target !== undefined, args.length)) === true) return null;
  const macro = macros.get(name);
  if (macro !== undefined)
    return { code: "WRONG_ARGUMENTS", message: `\`${name}\` can't be used like this`, hint: `write ${macro}` };
  if (known !== undefined) {
    return {
      code: "WRONG_ARGUMENTS",
      message: `the function \`${name}\` does not take ${args.length} argument${args.length === 1 ? "" : "s"} here`,
    };
  }
  const candidates = [...signatures.keys(), ...macros.keys()].filter((each) => /^[A-Za-z]/.test(each));
  const hint = filters.has(name) ? `filters follow a pipe: value | ${name}` : proposal(closestName(name, candidates));
  return { code: "UNKNOWN_FUNCTION", message: `the function \`${name}\` is not known`, hint };
}

function leadingDot(offset: number): ExpressionIssue {
  const hint = "remove the dot; to write {{ as text use {{ '{{' }}";
  return { offset, code: "EXPRESSION_SYNTAX", message: "a name has no leading dot", hint };
}

/** `outputs.my-task.key`, which reads as a subtraction, is the one fault then. */
function hyphenIssue(text: string): readonly ExpressionIssue[] | null {
  const match = /(?<![\w.])(?:outputs|upstream)\.([A-Za-z_]\w*(?:-\w+)+)\.(\w+)/.exec(text);
  if (match === null) return null;
  const hint = `write outputs["${match[1]}"].${match[2]}`;
  return [{ offset: match.index, code: "EXPRESSION_SYNTAX", message: "a hyphen is a subtraction here", hint }];
}

/** The parser's error carries its place; what it says is long, so only what it found is kept. */
function syntaxIssue(error: unknown, text: string): ExpressionIssue {
  const place =
    error instanceof Error && "location" in error
      ? (error.location as { start?: { offset?: number } }).start?.offset
      : undefined;
  if (place === undefined) return tooDeep;
  const rest = text.slice(place).trim();
  if (text.trim() === "") return { offset: 0, code: "EXPRESSION_SYNTAX", message: "the expression is empty" };
  const found = /^(?:\w+|.)/s.exec(rest)?.[0];
  const message = found === undefined ? "the expression ends too early" : `unexpected \`${found}\` in the expression`;
  return { offset: place, code: "EXPRESSION_SYNTAX", message, hint: syntaxHint(rest, text) };
}

function syntaxHint(rest: string, text: string): string {
  if (/^(and|or|not)\b/.test(rest) || /^not\b/.test(text.trim())) return "CEL writes && for and, || for or, ! for not";
  if (/^=[^=]/.test(rest)) return "write == to compare";
  if (/^if\b/.test(rest)) return "CEL writes condition ? value : other";
  if (/^["']/.test(rest)) return "a quote is not closed";
  if (/^[+\-*/%<>&?.]/.test(rest)) return "something is missing after it";
  return "";
}
