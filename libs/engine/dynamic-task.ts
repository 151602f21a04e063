import { closestName } from "#core/closest-name.ts";
import { rulesThatNeedParents } from "#core/trigger-rule.ts";
import { checkTask } from "./check-task.ts";
import type { TaskDefinition } from "./task-definition.ts";
import { EngineError } from "./engine-error.ts";
import type { AddedTask } from "./execution-tasks.ts";
import { dependencyCondition, dependencyId, RegisteredTask } from "./registered-task.ts";
import { taskStage } from "./task-columns.ts";
import type { TaskLedger } from "./task-ledger.ts";

interface Origin {
  readonly owner: number;
  readonly tryNumber: number;
}

/**
 * Checks a task that a running task registers. Null: an earlier try of the same task has registered it; if it has not
 * started, it gets the new definition.
 */
export function planAddition(ledger: TaskLedger, definition: TaskDefinition, origin: Origin): AddedTask | null {
  checkTask(definition);
  const { tasks } = ledger;
  const owner = tasks.at(origin.owner).id;
  const task = new RegisteredTask(
    definition.dependsOn === undefined ? { ...definition, dependsOn: [owner] } : definition,
  );
  const known = tasks.placeOf(task.id);
  const added = { task, parents: resolveParents(ledger, task), ...origin };
  if (known === undefined) return added;
  const earlier = tasks.addedAt(known);
  const isRepeated = earlier?.owner === origin.owner && earlier.tryNumber < origin.tryNumber;
  if (!isRepeated || !hasSameParents(earlier, added)) {
    throw new EngineError(
      "DUPLICATE_TASK",
      `task "${owner}" registers "${task.id}", which is registered already; give it another id`,
    );
  }
  if ((ledger.columns.stages[known] ?? 0) <= taskStage.ready) tasks.replace(known, added);
  return null;
}

/** Throws an `INVALID_TASK` error that names every dependency which can't be one. */
function resolveParents({ tasks, columns }: TaskLedger, task: RegisteredTask): readonly number[] {
  const problems: string[] = [];
  const parents: number[] = [];
  for (const dependency of task.dependsOn) {
    const id = dependencyId(dependency);
    const parent = tasks.placeOf(id);
    const stage = parent === undefined ? undefined : columns.stages[parent];
    if (id === task.id) problems.push("it depends on itself");
    else if (parent === undefined) {
      const meant = closestName(id, tasks.ids());
      problems.push(
        `it depends on "${id}", which is not registered${meant === null ? "" : `; did you mean "${meant}"?`}`,
      );
    } else if (stage === taskStage.failed || stage === taskStage.failedAllowed) {
      problems.push(`it depends on "${id}", which has failed; depend on tasks that have not`);
    } else if (parents.includes(parent)) problems.push(`it depends on "${id}" more than once; name it once`);
    else parents.push(parent);
  }
  const { triggerRule } = task.extras;
  if (task.dependsOn.length === 0 && rulesThatNeedParents.has(triggerRule)) {
    problems.push(`its trigger rule ${triggerRule} needs dependencies`);
  }
  if (problems.length === 0) return parents;
  throw new EngineError("INVALID_TASK", `task "${task.id}" can't be registered: ${problems.join("; ")}`);
}

function hasSameParents(a: AddedTask, b: AddedTask): boolean {
  const conditions = ({ task }: AddedTask): string => task.dependsOn.map(dependencyCondition).join();
  return a.parents.join() === b.parents.join() && conditions(a) === conditions(b);
}
