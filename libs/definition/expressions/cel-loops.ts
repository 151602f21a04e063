import { type CelFunc, type CelList, CelScalar, celFunc, celList, listType } from "@bufbuild/cel";
import { type CelNode, childrenOf, identifierOf } from "./cel-tree.ts";
import { takeSteps } from "./evaluation-steps.ts";

/*
 * CEL's macros (`map`, `filter`, `all` …) become loops over an accumulator named `@result`. The tree of each loop is
 * changed in two ways: every turn counts against a limit, by what it reads, so that no loop can hold a service up, and a list is
 * built in place, since the library's own concatenation takes quadratic time and overflows the stack at 10,000 items.
 * Names with `@` can't be written in an expression.
 */

const accumulator = "@result";
const list = listType(CelScalar.DYN);
const { BOOL, INT } = CelScalar;

/** Operations, names and constants that a turn of a loop reads in the time of one step. */
const nodesOfStep = 6;

function countTurn(goesOn: boolean, steps: bigint): boolean {
  takeSteps(Number(steps));
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
  celFunc("@step", [BOOL, INT], BOOL, countTurn),
  celFunc("@append", [list, list], list, append),
];

/** Bounds every loop of a parsed expression, in place. */
export function boundLoops(tree: CelNode): void {
  for (const child of childrenOf(tree)) boundLoops(child);
  const { exprKind } = tree;
  if (exprKind.case === "comprehensionExpr" && exprKind.value.loopCondition !== undefined) {
    const { loopCondition: condition, loopStep } = exprKind.value;
    const size = sizeOfTurn(condition) + (loopStep === undefined ? 0 : sizeOfTurn(loopStep));
    const steps = { case: "int64Value", value: BigInt(1 + Math.floor(size / nodesOfStep)) } as const;
    const cost: CelNode = {
      ...condition,
      exprKind: { case: "constExpr", value: { $typeName: "cel.expr.Constant", constantKind: steps } },
    };
    const args = [condition, cost];
    exprKind.value.loopCondition = {
      ...condition,
      exprKind: { case: "callExpr", value: { $typeName: "cel.expr.Expr.Call", function: "@step", args } },
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

/** The nodes that one turn reads; those of a loop within count for each of its own turns. */
function sizeOfTurn({ exprKind, ...node }: CelNode): number {
  if (exprKind.case !== "comprehensionExpr")
    return childrenOf({ ...node, exprKind }).reduce((size, child) => size + sizeOfTurn(child), 1);
  const { iterRange, accuInit, result } = exprKind.value;
  return [iterRange, accuInit, result].reduce((size, child) => size + (child === undefined ? 0 : sizeOfTurn(child)), 1);
}
