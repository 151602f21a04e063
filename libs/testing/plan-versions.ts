import { computeLayers, type EdgeCondition, parentEdges } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Plan } from "#core/plan.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { rulesThatNeedParents } from "#core/trigger-rule.ts";
import { hookSpec } from "./hook-spec.ts";
import { buildPlan, type TaskSpec } from "./plan-builder.ts";

/** A task with its parents as ids. */
interface Node {
  readonly spec: TaskSpec;
  readonly parents: Map<string, EdgeCondition>;
}

/**
 * Another version of a run's definition, by `pick`: tasks removed, added and brought back, edges changed, flags turned,
 * in another order. Acyclic like the one before.
 */
export function otherVersion(run: RunAggregate, pick: number): Plan {
  const nodes = nodesOf(run);
  const draw = createDraw(pick);
  for (let change = draw(4); change >= 0; change -= 1) changeOnce(nodes, draw);
  const isKnown = new Set(nodes.map(({ spec }) => spec.id));
  const specs = nodes.map(({ spec, parents }): TaskSpec => {
    const edges = [...parents].filter(([id]) => isKnown.has(id)).map(([id, on]) => `${id}:${on}`);
    const isRefused = edges.length === 0 && rulesThatNeedParents.has(spec.triggerRule ?? "all_success");
    return { ...spec, parents: edges, ...(isRefused ? { triggerRule: "all_success" as const } : {}) };
  });
  const turn = draw(specs.length);
  const { runTimeoutMs, priority } = run.plan;
  const turned = [...specs.slice(turn), ...specs.slice(0, turn)];
  return buildPlan([...turned, ...hooksOf(run, turned, draw)], { runTimeoutMs, priority });
}

/** Most hooks of the version before whose task is still there, and now and then one that the run did not have. */
function hooksOf({ plan }: RunAggregate, specs: readonly TaskSpec[], draw: (below: number) => number): TaskSpec[] {
  const ids = specs.map(({ id }) => id);
  const hooks = new Map<string, TaskSpec>();
  const add = (tasks: readonly string[], hook: Hook): void => {
    const spec = hookSpec(tasks, hook.of, hook.on);
    hooks.set(spec.id, spec);
  };
  plan.tasks.forEach(({ hook }, task) => {
    if (hook === undefined || draw(8) === 0) return;
    const [parent] = parentEdges(plan.graph, task);
    const owner = plan.tasks[parent?.task ?? -1]?.id ?? "";
    if (hook.of === "run") add(ids, hook);
    else if (ids.includes(owner)) add([owner], hook);
  });
  if (draw(8) === 0) add(ids, { of: "run", on: "failure" });
  return [...hooks.values()];
}

/** The tasks of the version, parents first; its hooks are made anew. */
function nodesOf({ plan, run }: RunAggregate): Node[] {
  const size = plan.tasks.length - run.removedTasks.length;
  const order = computeLayers(plan.graph).flat();
  return order.flatMap((task) => {
    const spec = plan.tasks[task];
    if (spec === undefined || task >= size || spec.hook !== undefined) return [];
    const edges = [...parentEdges(plan.graph, task)];
    return [{ spec, parents: new Map(edges.map((edge) => [plan.tasks[edge.task]?.id ?? "", edge.on])) }];
  });
}

/** One change that keeps `nodes` with parents first. */
function changeOnce(nodes: Node[], draw: (below: number) => number): void {
  const place = draw(nodes.length);
  const node = nodes[place];
  switch (draw(5)) {
    case 0:
      if (nodes.length > 1) nodes.splice(place, 1);
      return;
    case 1: {
      const id = `n${draw(4)}`;
      if (nodes.some(({ spec }) => spec.id === id)) return;
      const above = nodes[draw(place + 1)]?.spec.id;
      const spec = { id, evaluated: draw(4) === 0, allowFailure: draw(3) === 0 };
      nodes.splice(place + 1, 0, { spec, parents: new Map(above === undefined ? [] : [[above, "success"]]) });
      nodes[place + 2 + draw(3)]?.parents.set(id, "success");
      return;
    }
    case 2:
      if (place > 0) node?.parents.set(nodes[draw(place)]?.spec.id ?? "", "success");
      return;
    case 3:
      if (node !== undefined) for (const id of [...node.parents.keys()].slice(draw(2))) node.parents.delete(id);
      return;
    default:
      if (node !== undefined) {
        const { evaluated = false, allowFailure = false } = node.spec;
        const isEvaluated = draw(2) === 0;
        const turned = { evaluated: isEvaluated !== evaluated, allowFailure: isEvaluated === allowFailure };
        nodes[place] = { ...node, spec: { ...node.spec, ...turned } };
      }
  }
}

/** Numbers that follow from a seed. */
function createDraw(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
