import { destination, type LevelWithSilent, type Logger as PinoLogger, pino } from "pino";
import { errorFields } from "./error-fields.ts";
import { formatLogLine } from "./log-line.ts";

/** Structured log; fields use one vocabulary (`dag_id`, `dag_run_id`, `task_id`, `try_number`, `worker_id`, `component`, …). */
export type Logger = PinoLogger;

export type LogLevel = Exclude<LevelWithSilent, "fatal">;

/** Takes whole lines, each with its newline. */
export interface LogSink {
  write(line: string): void;
}

/** Fields whose values never reach a log, wherever a caller put them by mistake. */
const secretFields = ["password", "token", "secret", "api_key", "authorization", "cookie", "connection_string"];

/**
 * A logger whose lines have `timestamp` (RFC 3339, UTC), `level` as a word, `component` and `message`; an error given as
 * `err` becomes `error`, `error_type` and `caller`. `json` writes one object a line, `text` a line for people. Lines go
 * to stderr synchronously, so that none is lost when the process dies and stdout stays free for results. Colors (text
 * only) follow the terminal and `NO_COLOR` unless given.
 */
export function createLogger(options: {
  level: LogLevel;
  format: "json" | "text";
  component: string;
  sink?: LogSink;
  colors?: boolean;
}): Logger {
  const sink = options.sink ?? destination({ dest: 2, sync: true });
  const colors = options.colors ?? (process.stderr.isTTY && process.stderr.hasColors());
  const stream =
    options.format === "json" ? sink : { write: (line: string) => sink.write(formatLogLine(line, colors)) };
  return pino(
    {
      level: options.level,
      base: { component: options.component },
      messageKey: "message",
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: errorFields },
      redact: { paths: secretFields.flatMap((name) => [name, `*.${name}`]), censor: "***" },
    },
    stream,
  );
}
