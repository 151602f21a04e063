import type { parse } from "@bufbuild/cel";

/** A node of CEL's syntax tree. */
export type CelNode = NonNullable<ReturnType<typeof parse>["expr"]>;

type Kind = CelNode["exprKind"];

/** The nodes directly below a node. */
export function childrenOf(node: CelNode): CelNode[] {
  return childSlots(node).filter((child) => child !== undefined);
}

/** Whether a way down the tree has more nodes; those who walk it recurse, so that they must not meet a deeper one. */
export function isDeeperThan(tree: CelNode, most: number): boolean {
  let level = [tree];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= most) return true;
    level = level.flatMap(childrenOf);
  }
  return false;
}

function childSlots({ exprKind }: CelNode): (CelNode | undefined)[] {
  switch (exprKind.case) {
    case "selectExpr":
      return [exprKind.value.operand];
    case "callExpr":
      return [exprKind.value.target, ...exprKind.value.args];
    case "listExpr":
      return exprKind.value.elements;
    case "structExpr":
      return exprKind.value.entries.flatMap((entry) => [
        entry.keyKind.case === "mapKey" ? entry.keyKind.value : undefined,
        entry.value,
      ]);
    case "comprehensionExpr": {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return [iterRange, accuInit, loopCondition, loopStep, result];
    }
    default:
      return [];
  }
}

/** The name of an identifier; null for any other node. */
export function identifierOf(node: CelNode | undefined): string | null {
  return node?.exprKind.case === "identExpr" ? node.exprKind.value.name : null;
}

/** The value of a text constant; null for any other node. */
export function textOf(node: CelNode | undefined): string | null {
  const kind = node?.exprKind.case === "constExpr" ? node.exprKind.value.constantKind : undefined;
  return kind?.case === "stringValue" ? kind.value : null;
}

/** One step into a value, by `a.key` or `a["key"]`; null for any other node. `isTest`: it stands in `has(…)`. */
export function stepOf(
  node: CelNode,
): { readonly operand: CelNode; readonly key: string; readonly isTest: boolean } | null {
  const { exprKind } = node;
  if (exprKind.case === "selectExpr" && exprKind.value.operand !== undefined) {
    return { operand: exprKind.value.operand, key: exprKind.value.field, isTest: exprKind.value.testOnly };
  }
  if (exprKind.case !== "callExpr" || exprKind.value.function !== "_[_]") return null;
  const [operand, index] = exprKind.value.args;
  const key = textOf(index);
  return operand === undefined || key === null ? null : { operand, key, isTest: false };
}

/** The steps from a name: `outputs["a"].b` is `["outputs", "a", "b"]`; null when it is no such chain. */
export function chainOf(node: CelNode): readonly string[] | null {
  const steps: string[] = [];
  for (let current = node; ; ) {
    const name = identifierOf(current);
    if (name !== null) return [name, ...steps.reverse()];
    const step = stepOf(current);
    if (step === null) return null;
    steps.push(step.key);
    current = step.operand;
  }
}

/** Makes a node mean `first.second.…`; its id, and so its position, stays. */
export function replaceByChain(node: CelNode, [root = "", ...steps]: readonly string[]): void {
  let kind: Kind = { case: "identExpr", value: { $typeName: "cel.expr.Expr.Ident", name: root } };
  for (const field of steps) {
    const operand: CelNode = { ...node, exprKind: kind };
    kind = { case: "selectExpr", value: { $typeName: "cel.expr.Expr.Select", operand, field, testOnly: false } };
  }
  node.exprKind = kind;
}
