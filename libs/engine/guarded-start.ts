import { runChain } from "#middleware/chain.ts";
import { isThenable } from "#middleware/thenable.ts";
import type { TaskContext, TaskMiddleware } from "./task-definition.ts";
import { createTaskTimeout } from "./engine-timeouts.ts";
import type { Execution } from "./execution.ts";
import type { RegisteredTask } from "./registered-task.ts";
import { taskStage } from "./task-columns.ts";
import { type ContextLink, ExecutionTaskContext } from "./task-context.ts";

/** Starts a try of a task that has more than a handler: its `when` at first, then its middlewares, under its timeout. */
export function startGuarded(execution: Execution, index: number, now: number): void {
  const { columns, tasks } = execution.ledger;
  const tryNumber = columns.tryNumber(index);
  const { definition, extras } = tasks.at(index);
  if (extras.when === null || tryNumber > 1) {
    callTask(execution, index, tryNumber, now);
    return;
  }
  columns.stages[index] = taskStage.deciding;
  columns.startTimes[index] = now;
  try {
    const answer = extras.when.call(definition, new ExecutionTaskContext(execution.host, index, tryNumber, null));
    if (isThenable(answer)) followWhen(execution, index, answer);
    else obeyWhen(execution, index, answer);
  } catch (error) {
    execution.fail(index, tryNumber, error);
  }
}

function followWhen(execution: Execution, index: number, answer: PromiseLike<boolean>): void {
  startTimeout(execution, index, 1);
  answer.then(
    (isWanted) => obeyWhen(execution, index, isWanted),
    (error: unknown) => execution.fail(index, 1, error),
  );
}

/** Only a first try asks. */
function obeyWhen(execution: Execution, index: number, isWanted: boolean): void {
  if (!execution.isLive(index, 1)) return;
  if (isWanted) callTask(execution, index, 1, Date.now());
  else execution.skipByWhen(index);
}

function callTask(execution: Execution, index: number, tryNumber: number, now: number): void {
  execution.beginTry(index, now);
  const task = execution.ledger.tasks.at(index);
  const middlewares = middlewaresOf(execution, task);
  let value: unknown;
  try {
    value =
      middlewares.length === 0
        ? task.handler.call(task.definition, new ExecutionTaskContext(execution.host, index, tryNumber, null))
        : runMiddlewares({ execution, index, tryNumber, task, middlewares });
    if (isThenable(value)) {
      startTimeout(execution, index, tryNumber);
      execution.follow(index, tryNumber, value);
      return;
    }
  } catch (error) {
    execution.fail(index, tryNumber, error);
    return;
  }
  execution.settle(index, tryNumber, value);
}

function middlewaresOf({ plan }: Execution, { extras }: RegisteredTask): readonly TaskMiddleware[] {
  return extras.middlewares.length === 0 ? plan.middlewares : [...plan.middlewares, ...extras.middlewares];
}

interface MiddlewareCall {
  readonly execution: Execution;
  readonly index: number;
  readonly tryNumber: number;
  readonly task: RegisteredTask;
  readonly middlewares: readonly TaskMiddleware[];
}

/** The chain answers nothing; what the handler returns is kept as if given to `setResult`. */
function runMiddlewares({ execution, index, tryNumber, task, middlewares }: MiddlewareCall): unknown {
  const { host } = execution;
  const keep = (value: unknown): void => {
    if (value !== undefined) host.setResult(index, tryNumber, value);
  };
  return runChain<TaskContext>({
    middlewares,
    handler: (context) => {
      const value = task.handler.call(task.definition, context);
      return isThenable(value) ? value.then(keep) : keep(value);
    },
    contextFor: (next, options) => {
      const link: ContextLink = { next, options };
      return new ExecutionTaskContext(host, index, tryNumber, link);
    },
    refuse: () => refuseStopped(execution, index, tryNumber),
    subject: `task "${task.id}"`,
  });
}

/** No handler starts after the abort, nor in a try that is over. */
function refuseStopped(execution: Execution, index: number, tryNumber: number): { readonly reason: unknown } | null {
  const mayStart = !execution.isAborted && execution.isLive(index, tryNumber);
  return mayStart ? null : { reason: execution.host.signalOf(index, tryNumber).reason };
}

/** Only for what does not end at once: a timer can't interrupt synchronous code. */
function startTimeout(execution: Execution, index: number, tryNumber: number): void {
  const { plan, ledger, tries } = execution;
  const { id, extras } = ledger.tasks.at(index);
  const timeoutMs = extras.timeoutMs ?? plan.options.defaultTaskTimeoutMs;
  if (timeoutMs === Number.POSITIVE_INFINITY || tries.hasTimer(index)) return;
  tries.startTimer(index, timeoutMs, () => {
    const error = createTaskTimeout(id, timeoutMs);
    tries.abort(index, error);
    execution.fail(index, tryNumber, error);
  });
}
