import type { CodeLanguage } from "#ports/operator-schema.ts";
import type { OperatorMiddleware } from "../middleware-context.ts";
import type { TaskContext } from "../task-context.ts";

/** A process of the attempt; it and all that it starts end with the attempt. */
export interface PluginProcess {
  /** A path, or a name that is looked up in the environment's PATH. */
  readonly file: string;
  readonly args?: readonly string[];
  /** Variables over those of the task. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The attempt's own empty folder unless given. */
  readonly cwd?: string;
  /** Written to standard input. */
  readonly input?: string;
}

/** How a process ended. */
export interface PluginProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last line of standard output. */
  readonly lastStdoutLine: string;
  /** The end of standard error, at most 4 KiB. */
  readonly stderrTail: string;
}

/** What an operator of a plugin gets. */
export interface PluginContext extends TaskContext {
  /** The fields of `operator:`, rendered, checked by the schema. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The task's variables; with `usesProcesses`, all that a process of it sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** Rejects when the process can't be started. Only for operators with `usesProcesses`. */
  readonly runProcess: (process: PluginProcess) => Promise<PluginProcessEnd>;
}

/** A kind of work of one's own. */
export interface OperatorPlugin {
  /** What tasks write as `type`, beginning with a letter: `acme.row_count`. */
  readonly type: string;
  /** The fields of `operator:`, as a schema of zod 4 or as a JSON Schema. */
  readonly schema: object;
  readonly description?: string;
  /** Fields whose text is code: a value stands beside them, never in them. */
  readonly code?: Readonly<Record<string, CodeLanguage>>;
  /** Retries where the task says nothing. */
  readonly defaultRetries?: number;
  /** Milliseconds; absent: the server's maximum. */
  readonly defaultTimeoutMs?: number;
  /** True: it starts processes with `runProcess`. Absent: it is code that runs in the worker's process and never blocks. */
  readonly usesProcesses?: boolean;
  /** Runs one attempt; what it returns and throws means the same as in a function's handler. */
  readonly execute: (context: PluginContext) => unknown;
}

/** What the module of a plugin exports; one of both at least. */
export interface PluginModule {
  readonly operators?: readonly OperatorPlugin[];
  /** Around the attempts of a worker: of one kind of work, or of all without `type`. */
  readonly middlewares?: readonly { readonly type?: string; readonly middleware: OperatorMiddleware }[];
}
