/** A task and the tasks that it waits for. */
export interface TreeTask {
  readonly id: string;
  readonly parents: readonly string[];
}

export interface TreeRow {
  readonly id: string;
  /** What stands before the task: `│  ├─ ` and so on. */
  readonly prefix: string;
  /** What stands before lines that belong to the task, below it. */
  readonly below: string;
  /** The parents that the tree itself can't show: those of a join. */
  readonly joins: readonly string[];
}

interface TreeNode {
  readonly children: number[];
}

/**
 * A graph as an indented list. A fork indents its branches, a chain stays in its column, and a join stands beside the
 * branches that it joins: each task hangs below its immediate dominator, the last task that all ways to it pass.
 * Every task comes after all of its parents. The tasks must have no cycle; unknown parents are ignored.
 */
export function layoutTree(tasks: readonly TreeTask[]): readonly TreeRow[] {
  const order = topologicalOrder(tasks);
  const place = new Map(order.map((task, index) => [task.id, index]));
  const nodes: TreeNode[] = order.map(() => ({ children: [] }));
  const roots: number[] = [];
  const depths: number[] = [];
  const dominators: number[] = [];
  order.forEach((task, index) => {
    const parents = task.parents.map((id) => place.get(id)).filter((parent) => parent !== undefined);
    const dominator = parents.reduce<number | null>(
      (common, parent) => (common === null ? parent : nearestCommon(common, parent, { depths, dominators })),
      null,
    );
    dominators.push(dominator ?? -1);
    depths.push(dominator === null || dominator < 0 ? 0 : (depths[dominator] ?? 0) + 1);
    const siblings = dominator === null || dominator < 0 ? roots : nodes[dominator]?.children;
    siblings?.push(index);
  });
  return toRows({ order, nodes, roots });
}

/** The deepest task that dominates both; −1 when only the start of the run does. */
function nearestCommon(
  left: number,
  right: number,
  { depths, dominators }: { readonly depths: readonly number[]; readonly dominators: readonly number[] },
): number {
  let [a, b] = [left, right];
  while (a !== b) {
    if (a < 0 || b < 0) return -1;
    const aIsDeeper = (depths[a] ?? 0) > (depths[b] ?? 0);
    const bIsDeeper = (depths[b] ?? 0) > (depths[a] ?? 0);
    if (!bIsDeeper) a = dominators[a] ?? -1;
    if (!aIsDeeper) b = dominators[b] ?? -1;
  }
  return a;
}

/** Kahn's order; among tasks that are ready together, that of the definition. */
function topologicalOrder(tasks: readonly TreeTask[]): readonly TreeTask[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const waiting = new Map<string, number>();
  const children = new Map<string, TreeTask[]>();
  for (const task of tasks) {
    const parents = new Set(task.parents.filter((id) => byId.has(id)));
    waiting.set(task.id, parents.size);
    for (const id of parents) {
      const list = children.get(id);
      if (list === undefined) children.set(id, [task]);
      else list.push(task);
    }
  }
  const order = tasks.filter((task) => waiting.get(task.id) === 0);
  for (const task of order) {
    for (const child of children.get(task.id) ?? []) {
      const left = (waiting.get(child.id) ?? 0) - 1;
      waiting.set(child.id, left);
      if (left === 0) order.push(child);
    }
  }
  return order;
}

function toRows({
  order,
  nodes,
  roots,
}: {
  readonly order: readonly TreeTask[];
  readonly nodes: readonly TreeNode[];
  readonly roots: readonly number[];
}): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const stack: { index: number; prefix: string; below: string }[] = [];
  const pushChildren = (children: readonly number[], base: string): void => {
    children.toReversed().forEach((index, place) => {
      if (children.length === 1) stack.push({ index, prefix: base, below: base });
      else if (place === 0) stack.push({ index, prefix: `${base}└─ `, below: `${base}   ` });
      else stack.push({ index, prefix: `${base}├─ `, below: `${base}│  ` });
    });
  };
  pushChildren(roots, "");
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const task = order[next.index];
    if (task === undefined) continue;
    rows.push({
      id: task.id,
      prefix: next.prefix,
      below: next.below,
      joins: task.parents.length > 1 ? task.parents : [],
    });
    pushChildren(nodes[next.index]?.children ?? [], next.below);
  }
  return rows;
}
