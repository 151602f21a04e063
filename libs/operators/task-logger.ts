import type { LogSourceName } from "./operator.ts";
import type { LogFields, TaskLogger } from "./task-context.ts";

/** Of one line; the rest of it is left out. */
const maxLineLength = 64 * 1024;
/** Of all lines of an attempt: they wait in the worker's memory until they are durable. */
const maxLogLength = 8 * 1024 * 1024;

/** Lines of an attempt's log, within limits. Fields that have no JSON form are named in their place. */
export function createTaskLogger(log: (source: LogSourceName, text: string) => void): TaskLogger {
  let length = 0;
  const writeLine = (source: LogSourceName, text: string): void => {
    if (length > maxLogLength) return;
    const line = text.length <= maxLineLength ? text : `${text.slice(0, maxLineLength)}…`;
    length += line.length;
    log(source, line);
    if (length > maxLogLength) log("system", "the attempt has logged 8 MiB; what follows is left out");
  };
  const write = (source: LogSourceName, message: string, fields?: LogFields): void => {
    const text = fields === undefined ? message : `${message} ${jsonOf(fields)}`;
    for (const line of text.split("\n")) writeLine(source, line);
  };
  return {
    info: (message, fields) => write("stdout", message, fields),
    warn: (message, fields) => write("stderr", `warning: ${message}`, fields),
    error: (message, fields) => write("stderr", `error: ${message}`, fields),
  };
}

function jsonOf(fields: LogFields): string {
  try {
    return JSON.stringify(fields, (_, value: unknown) =>
      value instanceof Error ? (value.stack ?? value.message) : value,
    );
  } catch (error) {
    return `(fields without a JSON form: ${error instanceof Error ? error.message : String(error)})`;
  }
}
