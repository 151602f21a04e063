import type { Logger } from "#telemetry/logger.ts";
import type { World } from "./world.ts";

type Entry = (fields: Readonly<Record<string, unknown>> | string, text?: string) => void;

/** The log of the simulated processes: lines of the trace. Nothing that is logged as an error may happen at all. */
export function createSimLogger(world: World): Logger {
  const describe = (fields: Readonly<Record<string, unknown>> | string, text = ""): string => {
    if (typeof fields === "string") return fields;
    const { err, ...others } = fields;
    return `${text} ${err instanceof Error ? (err.stack ?? err.message) : ""} ${JSON.stringify(others)}`;
  };
  const note =
    (level: string): Entry =>
    (fields, text) => {
      if (world.trace.keepsLines) world.note(level, describe(fields, text));
    };
  const logger = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: (fields: Parameters<Entry>[0], text?: string) => world.violate(describe(fields, text)),
    child: () => logger,
  };
  // The services use of a logger what is here.
  return logger as unknown as Logger;
}
