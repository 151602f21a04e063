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
  entry("run", "run a definition to its end, without a server", () => import("./commands/run.ts")),
  entry("validate", "check definitions, without a server", () => import("./commands/validate.ts")),
  entry("trigger", "create a run of a DAG", () => import("./commands/trigger.ts")),
  entry("runs", "list runs", () => import("./commands/runs.ts")),
  entry("show", "show a run with its tasks", () => import("./commands/show.ts")),
  entry("logs", "print the logs of a run or a task", () => import("./commands/logs.ts")),
  entry("cancel", "cancel a run", () => import("./commands/cancel.ts")),
  entry("dags", "list and show definitions", () => import("./commands/dags.ts")),
  entry("pause", "pause a DAG: no new scheduled runs", () => import("./commands/pause.ts")),
  entry("resume", "resume a paused DAG", () => import("./commands/resume.ts")),
  entry("health", "show the health of a server", () => import("./commands/health.ts")),
  entry("db", "migrate the database, or show what is applied", () => import("./commands/db.ts")),
  entry("config", "show the settings in force, or all there are", () => import("./commands/config.ts")),
];

function entry(name: string, summary: string, load: () => Promise<CommandModule>): CommandEntry {
  return { name, summary, load };
}
