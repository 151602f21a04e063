import type { Command } from "commander";
import type { CliContext } from "./context.ts";

export interface CommandModule {
  /** Gives the command its arguments, flags, examples and action. */
  readonly configure: (command: Command, context: CliContext) => void;
}

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Called only when the command is asked for, so that the others cost no time. */
  readonly load: () => Promise<CommandModule>;
}

/** Every command of the program, one line each, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  entry("dev", "start everything in this process, for one machine", () => import("./commands/dev.ts")),
  entry("start", "start one service in a process of its own", () => import("./commands/start.ts")),
  entry("init", "write an example to begin with", () => import("./commands/init.ts")),
  entry("run", "run a definition to its end, without a server", () => import("./commands/run.ts")),
  entry("validate", "check definitions, without a server", () => import("./commands/validate.ts")),
  entry("test", "run the tests of workflows, without a server", () => import("./commands/test.ts")),
  entry("graph", "draw the tasks of a definition", () => import("./commands/graph.ts")),
  entry("schema", "print the format of definitions as JSON Schema", () => import("./commands/schema.ts")),
  entry("upgrade", "bring a definition to the newest format", () => import("./commands/upgrade.ts")),
  entry("trigger", "create a run of a DAG", () => import("./commands/trigger.ts")),
  entry("runs", "list runs", () => import("./commands/runs.ts")),
  entry("show", "show a run with its tasks", () => import("./commands/show.ts")),
  entry("logs", "print the logs of a run or a task", () => import("./commands/logs.ts")),
  entry("artifacts", "list and fetch the files that tasks left", () => import("./commands/artifacts.ts")),
  entry("tasks", "list tasks of all runs", () => import("./commands/tasks.ts")),
  entry("explain", "say why a run or a task waits", () => import("./commands/explain.ts")),
  entry("cancel", "cancel a run", () => import("./commands/cancel.ts")),
  entry("rerun", "run what failed again, or all, or some tasks", () => import("./commands/rerun.ts")),
  entry("clear", "let tasks of a run begin again", () => import("./commands/clear.ts")),
  entry("mark", "set the state of tasks by hand", () => import("./commands/mark.ts")),
  entry("approvals", "list the questions that wait for people", () => import("./commands/approvals.ts")),
  entry("approve", "answer a question that a task waits with", () => import("./commands/approve.ts")),
  entry("backfill", "make the runs of a range of dates", () => import("./commands/backfill.ts")),
  entry("sensors", "list, show, pause and poll sensors", () => import("./commands/sensors.ts")),
  entry("dags", "list, show, compare, push and delete definitions", () => import("./commands/dags.ts")),
  entry("template", "make definitions from templates, check and list them", () => import("./commands/template.ts")),
  entry("next", "show when a DAG runs next, also of a file", () => import("./commands/next.ts")),
  entry("pause", "pause a DAG: no new scheduled runs", () => import("./commands/pause.ts")),
  entry("resume", "resume a paused DAG", () => import("./commands/resume.ts")),
  entry("dead-letters", "look at messages that nobody could use", () => import("./commands/dead-letters.ts")),
  entry("workers", "list, show and drain workers", () => import("./commands/workers.ts")),
  entry("queues", "show what waits in the queues, and who serves them", () => import("./commands/queues.ts")),
  entry("pools", "list, size and remove limits that tasks share", () => import("./commands/pools.ts")),
  entry("health", "show the health of a server", () => import("./commands/health.ts")),
  entry("doctor", "look for what is wrong, and repair what is safe", () => import("./commands/doctor.ts")),
  entry("db", "migrate the database, or show what is applied", () => import("./commands/db.ts")),
  entry("connections", "list and test the connections of tasks", () => import("./commands/connections.ts")),
  entry("config", "show the settings in force, or all there are", () => import("./commands/config.ts")),
];

function entry(name: string, summary: string, load: () => Promise<CommandModule>): CommandEntry {
  return { name, summary, load };
}
