import type { OperatorHost } from "./operator-host.ts";

/** What an operator gets to run one attempt. All values are rendered. */
export interface OperatorContext {
  readonly attempt: {
    readonly dagRunId: string;
    readonly dagId: string;
    readonly taskId: string;
    readonly tryNumber: number;
    readonly maxTries: number;
    /** RFC 3339. */
    readonly logicalDate: string;
    readonly idempotencyKey: string;
  };
  /** The fields of `operator:`, rendered. Code fields refer to `values` by environment variable. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The process environment to use: allow-list, definition, task, operator, `MILLRACE_…` and `values`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Fresh, removed afterwards. Empty for operators that run in the worker's own process. */
  readonly workingDirectory: string;
  /** Where an operator puts code for a process (`ProcessOptions.files`), apart from the working directory. */
  readonly codeDirectory: string;
  /** Folder of the definition; empty where none is shared. */
  readonly dagDirectory: string;
  readonly host: OperatorHost;
  /** Aborted at timeout, cancel, drain and loss of the lease. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** From now on the text is masked in the attempt's log, error and outputs, in all its forms. */
  readonly keepSecret: (secret: string) => void;
  readonly log: (source: LogSourceName, text: string) => void;
  readonly startProcess: StartProcess;
}

export type LogSourceName = "stdout" | "stderr" | "system";

/** A process tree of the attempt, run by the runner. Resolves when the whole tree is gone; never rejects. */
export type StartProcess = (options: ProcessOptions) => Promise<ProcessResult>;

export interface ProcessOptions {
  /** A path, or a name that is looked up in the environment's PATH. In a container empty stands for the image's own. */
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to standard input; absent: empty. */
  readonly input?: string;
  /** False: its output is returned in `stderrTail` alone and not logged (syntax checks). Default true. */
  readonly logOutput?: boolean;
  /** Files to write before the start: absolute path below `codeDirectory` → text. */
  readonly files?: Readonly<Record<string, string>>;
  /** True: no process follows it, and nothing looks at the attempt's folders after it, so that they may go with its end. */
  readonly isLast?: boolean;
}

/** Why the runner ends an attempt before its end. */
export type StopReason = "timeout" | "cancel" | "lease_lost" | "drain";

export interface ProcessResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last line of standard output, for `capture_stdout`. */
  readonly lastStdoutLine: string;
  /** At most 4 KiB. */
  readonly stderrTail: string;
  /** Why the runner ended it, if it did. */
  readonly stoppedBy: StopReason | null;
  /** The limit that it was ended for: `out_of_memory`, `disk_limit` or `process_limit`. */
  readonly breach: { readonly code: string; readonly message: string } | null;
  /** It never ran, or nobody knows how it ended; a code as in `OperatorResult`. */
  readonly failure: { readonly code: string; readonly message: string; readonly retryable?: boolean } | null;
}

/**
 * What an attempt came to. Failure codes: `exit_code`, `signal`, `timeout`, `out_of_memory`, `interrupted`,
 * `runner_lost`, `failed`, `connection`, `database_error`, `http_status`, `invalid_response`, `image_missing`,
 * and those that no retry mends: `not_found`, `permission_denied`, `syntax`, `configuration`, `invalid_output`,
 * `outbound_refused`, `untrusted`, `disk_limit`, `process_limit`. `retryable` has the last word.
 */
export type OperatorResult =
  | { readonly kind: "success"; readonly outputs?: Readonly<Record<string, unknown>>; readonly exitCode?: number }
  | { readonly kind: "skipped" }
  | { readonly kind: "deferred"; readonly dueAt: number | null; readonly waitsFor: string | null }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly exitCode?: number;
      readonly signal?: string;
      readonly retryable?: boolean;
      readonly retryAfterMs?: number;
    };

/** One kind of work. Adding one touches its file and one line of the registry. */
export interface Operator {
  readonly type: string;
  /**
   * True: it runs in the worker's own process, without directories and the runner, and never blocks; what it awaits
   * ends with the signal. False: its processes go through the runner. A function decides by the rendered fields.
   */
  readonly inProcess: boolean | ((config: OperatorContext["config"], host: OperatorHost) => boolean);
  execute(context: OperatorContext): Promise<OperatorResult>;
  /** Called at SIGTERM, to clean up within the grace. */
  stop?(context: OperatorContext): Promise<void>;
}
