import type { EngineLogger } from "../engine-api.ts";

export interface LogLine {
  readonly level: "info" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines, each with the fields that `with` added. */
export function recordingLogger(lines: LogLine[], added: Readonly<Record<string, unknown>> = {}): EngineLogger {
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, message, fields: { ...added, ...fields } });
    };
  return {
    info: write("info"),
    error: write("error"),
    with: (fields) => recordingLogger(lines, { ...added, ...fields }),
  };
}
