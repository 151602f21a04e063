/** What a worker program says of itself. What it leaves out comes from the environment, as in `millrace start worker`. */
export interface WorkerProgramOptions {
  /** Addresses of executors, or of a `millrace dev` (`MILLRACE_EXECUTORS`; http://127.0.0.1:8083). */
  readonly executors?: readonly string[];
  /** Queues that it takes attempts from (`MILLRACE_WORKER_QUEUES`; `default`). */
  readonly queues?: readonly string[];
  /** Attempts that it runs at once (`MILLRACE_WORKER_SLOTS`; the number of cores). */
  readonly slots?: number;
  /** Labels that tasks may ask for (`MILLRACE_WORKER_LABELS`). */
  readonly labels?: Readonly<Record<string, string>>;
  /** Unique in the deployment (`MILLRACE_WORKER_ID`; made once and kept in the data directory). */
  readonly workerId?: string;
  /** A folder of its own: no two workers share one (`MILLRACE_DATA_DIR`; `.millrace/functions`). */
  readonly dataDir?: string;
  /** Built-in operators that it runs too, such as `bash`; none unless named. */
  readonly operators?: readonly string[];
  /** Files and packages with operators of one's own (`MILLRACE_OPERATORS_PLUGINS`). */
  readonly plugins?: readonly string[];
  /** Least severe lines of the program's own log: `debug`, `info`, `warn`, … (`MILLRACE_LOGGING_LEVEL`; `info`). */
  readonly logLevel?: string;
}
