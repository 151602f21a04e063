import { type CelFunc, type CelList, CelScalar, celFunc, celList, listType } from "@bufbuild/cel";
import { type CelNode, childrenOf, identifierOf } from "./cel-tree.ts";
import { takeSteps } from "./evaluation-steps.ts";

/*
 * CEL's macros (`map`, `filter`, `all` …) become loops over an accumulator named `@result`. The tree of each loop is
 * changed in two ways: every turn counts against a limit, so that nested loops can't hold a service up, and a list is
 * built in place, since the library's own concatenation takes quadratic time and overflows the stack at 10,000 items.
 * Names with `@` can't be written in an expression.
 */

const accumulator = "@result";
const list = listType(CelScalar.DYN);
const { BOOL } = CelScalar;

function countStep(goesOn: boolean): boolean {
  takeSteps(1);
  return goesOn;
}

/** The arrays below lists that a loop is building; nothing else can see such a list before the loop ends. */
const growing = new WeakMap<CelList, unknown[]>();

function append(built: CelList, items: CelList): CelList {
  const known = growing.get(built);
  if (known !== undefined) {
    known.push(...items);
    return built;
  }
  const values = [...built, ...items];
  const grown = celList(values);
  growing.set(grown, values);
  return grown;
}

export const loopFunctions: readonly CelFunc[] = [
  celFunc("@step", [BOOL], BOOL, countStep),
  celFunc("@append", [list, list], list, append),
];

/** Bounds every loop of a parsed expression, in place. */
export function boundLoops(tree: CelNode): void {
  for (const child of childrenOf(tree)) boundLoops(child);
  const { exprKind } = tree;
  if (exprKind.case === "comprehensionExpr" && exprKind.value.loopCondition !== undefined) {
    const condition = exprKind.value.loopCondition;
    exprKind.value.loopCondition = {
      ...condition,
      exprKind: { case: "callExpr", value: { $typeName: "cel.expr.Expr.Call", function: "@step", args: [condition] } },
    };
  }
  if (
    exprKind.case === "callExpr" &&
    exprKind.value.function === "_+_" &&
    identifierOf(exprKind.value.args[0]) === accumulator
  ) {
    const isList = exprKind.value.args[1]?.exprKind.case === "listExpr";
    if (isList) exprKind.value.function = "@append";
  }
}
