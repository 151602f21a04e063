import { closestName } from "#core/closest-name.ts";
import { chainOf, childrenOf, type CelNode, identifierOf, stepOf } from "./cel-tree.ts";
import { type Finding, proposal } from "../problem-list.ts";
import { secretStepIssue } from "./secret-names.ts";
import { notSupported } from "../schema/not-supported.ts";

/** A finding at a place of an expression's text, from 0. */
export interface ExpressionIssue extends Finding {
  readonly offset: number;
}

/** One reading of a name; `field` is the first step into it, null for the whole or a computed step. */
export interface RootRead {
  readonly name: RootName;
  readonly field: string | null;
  readonly offset: number;
}

/** What an expression reads, with the places in its text. */
export interface ExpressionNames {
  readonly roots: readonly RootRead[];
  readonly parameters: readonly { readonly name: string; readonly offset: number }[];
  /** It reads `params` as a whole, or by a computed name. */
  readonly readsAllParameters: boolean;
  readonly outputs: readonly { readonly task: string; readonly key: string; readonly offset: number }[];
}

const timestamps = ["execution_date", "data_interval_start", "data_interval_end", "now"] as const;
const rootNames = [
  "params",
  "outputs",
  "run",
  "task_instance",
  "temp_dir",
  "item",
  "item_index",
  "secrets",
  "ended",
  "body",
  "headers",
  "key",
  "value",
  "partition",
  "offset",
  "timestamp",
  ...timestamps,
] as const;
export type RootName = (typeof rootNames)[number];

const fieldsOf: Readonly<Partial<Record<RootName, readonly string[]>>> = {
  run: ["dag_run_id", "dag_id", "run_type", "start_date"],
  task_instance: ["task_id", "try_number", "max_tries"],
  ended: ["task_id", "state", "error", "duration_ms", "failed_count", "failed_tasks", "message"],
};

/** What they hold, the definition does not say. */
const openRoots: ReadonlySet<RootName> = new Set(["item", "body", "key", "value"]);

/** Names of CEL's own types, which may stand as values. */
const typeNames: ReadonlySet<string> = new Set([
  "int",
  "uint",
  "double",
  "bool",
  "string",
  "bytes",
  "list",
  "map",
  "null_type",
  "type",
]);
const laterNames: ReadonlySet<string> = new Set(["env"]);
const otherLanguages: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ["nil", "null"],
  ["ds", "execution_date"],
  ["data_interval", "data_interval_start"],
  ["dag_run", "run"],
  ["ti", "task_instance"],
  ["parameters", "params"],
]);

export function isRootName(name: string): name is RootName {
  return (rootNames as readonly string[]).includes(name);
}

/** Gathers the names below a node; `offsetOf` gives a node's place in the text. */
export function collectNames(
  tree: CelNode,
  offsetOf: (node: CelNode) => number,
): { names: ExpressionNames; issues: readonly ExpressionIssue[] } {
  const found = new NameList();
  const visit = (node: CelNode, local: ReadonlySet<string>): void => {
    const chain = chainOf(node);
    if (chain !== null && !local.has(chain[0] ?? "")) return found.add(chain, offsetOf(rootOf(node)));
    const loop = node.exprKind.case === "comprehensionExpr" ? node.exprKind.value : null;
    const inner = loop === null ? local : new Set([...local, loop.iterVar, loop.accuVar]);
    // The list of a loop is read outside it, where its variable means something else.
    for (const child of childrenOf(node)) visit(child, child === loop?.iterRange ? local : inner);
  };
  visit(tree, new Set());
  return { names: found, issues: found.issues };
}

/** The names of a plain path such as `params.x`. */
export function namesOfPath(
  path: readonly string[],
  offset: number,
): { names: ExpressionNames; issues: readonly ExpressionIssue[] } {
  const found = new NameList();
  found.add(path, offset);
  return { names: found, issues: found.issues };
}

function rootOf(node: CelNode): CelNode {
  let current = node;
  while (identifierOf(current) === null) {
    const step = stepOf(current);
    if (step === null) break;
    current = step.operand;
  }
  return current;
}

class NameList implements ExpressionNames {
  readonly roots: RootRead[] = [];
  readonly parameters: { name: string; offset: number }[] = [];
  readonly outputs: { task: string; key: string; offset: number }[] = [];
  readonly issues: ExpressionIssue[] = [];
  readsAllParameters = false;

  add([root = "", ...steps]: readonly string[], offset: number): void {
    if (!isRootName(root)) {
      if (steps.length > 0 || !typeNames.has(root)) this.issues.push({ offset, ...unknownName(root) });
      return;
    }
    const [first, second] = steps;
    this.roots.push({ name: root, field: first ?? null, offset });
    if (root === "params") {
      if (first === undefined) this.readsAllParameters = true;
      else this.parameters.push({ name: first, offset });
    } else if (root === "outputs") {
      if (first !== undefined && second !== undefined) this.outputs.push({ task: first, key: second, offset });
      else this.issues.push({ offset, ...incompleteOutput(first) });
    } else if (root === "secrets") {
      const issue = secretStepIssue(steps);
      if (issue !== null) this.issues.push({ offset, ...issue });
    } else if (root === "headers") {
      if (first === undefined || first !== first.toLowerCase()) this.issues.push({ offset, ...unusableHeader(first) });
    } else if (!openRoots.has(root)) {
      this.#checkField(root, first, offset);
    }
  }

  #checkField(root: RootName, field: string | undefined, offset: number): void {
    const fields = fieldsOf[root];
    if (field === undefined || fields?.includes(field) === true) return;
    const near = closestName(field, fields ?? []);
    const hint =
      near === null ? (fields === undefined ? "" : `it has ${fields.join(", ")}`) : proposal(`${root}.${near}`);
    this.issues.push({ offset, code: "UNKNOWN_NAME", message: `\`${root}\` has no \`${field}\``, hint });
  }
}

function unknownName(name: string): Finding {
  if (laterNames.has(name)) return notSupported(`the name \`${name}\` in expressions`);
  const near = otherLanguages.get(name) ?? closestName(name, [...rootNames, "upstream", "true", "false", "null"]);
  const hint =
    near === null
      ? "expressions know params, outputs, run, task_instance and execution_date; text stands in quotes"
      : proposal(near);
  return { code: "UNKNOWN_NAME", message: `the name \`${name}\` is not known`, hint };
}

/** Only the headers that a definition names are read, by names in one spelling. */
function unusableHeader(name: string | undefined): Finding {
  const message =
    name === undefined ? "`headers` needs the name of one header, as text" : `headers have names in lower case`;
  return { code: "UNKNOWN_NAME", message, hint: `write headers["${name?.toLowerCase() ?? "x-event"}"]` };
}

function incompleteOutput(task: string | undefined): Finding {
  return {
    code: "UNKNOWN_NAME",
    message:
      task === undefined
        ? "`outputs` needs a task and a key, as text that stands in the expression"
        : `\`outputs.${task}\` needs a key`,
    hint: `write outputs.${task ?? "task"}.key, or outputs["task"].key`,
  };
}
