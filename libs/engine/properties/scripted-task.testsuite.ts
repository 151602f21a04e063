import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { Engine } from "../engine.ts";
import type { EngineOptions } from "../engine-api.ts";
import type { TaskDefinition } from "../task-definition.ts";
import { SkipTask } from "../engine-error.ts";
import type { GraphTask } from "./graph-relations.testsuite.ts";

/** How long a handler takes: no turn at all, a microtask, or a turn of the event loop. */
export type Pace = "sync" | "microtask" | "turn";

export interface Script {
  readonly pace: Pace;
  readonly end: "success" | "failure" | "skip";
}

export interface LogEntry {
  readonly taskId: string;
  readonly what: "start" | "end";
}

const arbitraryPace: fc.Arbitrary<Pace> = fc.constantFrom("sync", "microtask", "turn");

/** A pace for each possible task. */
export const arbitraryPaces: fc.Arbitrary<readonly Pace[]> = fc.array(arbitraryPace, { minLength: 20, maxLength: 20 });

/** A script for each possible task; one in four fails, one in eight skips itself. */
export const arbitraryScripts: fc.Arbitrary<readonly Script[]> = fc.array(
  fc.record({
    pace: arbitraryPace,
    end: fc.constantFrom(
      "success" as const,
      "success" as const,
      "success" as const,
      "success" as const,
      "success" as const,
      "failure" as const,
      "failure" as const,
      "skip" as const,
    ),
  }),
  { minLength: 20, maxLength: 20 },
);

/** Calls `act` when the pace has passed: at once, or later in a promise. */
export function afterPace(pace: Pace, act: () => unknown): unknown {
  switch (pace) {
    case "sync":
      return act();
    case "microtask":
      return Promise.resolve().then(act);
    case "turn":
      return setImmediate().then(act);
  }
}

/** A task that writes its start and end into the log, and whose result is its own id. */
export function scriptedTask(task: GraphTask, script: Script, log: LogEntry[]): TaskDefinition {
  return {
    ...task,
    handler: ({ taskId }) => {
      log.push({ taskId, what: "start" });
      return afterPace(script.pace, () => {
        log.push({ taskId, what: "end" });
        if (script.end === "failure") throw new Error(`${taskId} failed`);
        if (script.end === "skip") throw new SkipTask(`${taskId} skips itself`);
        return taskId;
      });
    },
  };
}

export function engineWith(tasks: Iterable<TaskDefinition>, options: EngineOptions = {}): Engine {
  const engine = new Engine(options);
  for (const task of tasks) engine.register(task);
  return engine;
}
