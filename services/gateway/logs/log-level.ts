/** Where a level stands in the lines of common loggers: near the beginning, as a word of its own. */
const searchedLength = 120;
const levelPattern = /(?:^|[^A-Za-z])(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)(?![A-Za-z])/;
/** In JSON lines and in `level=info` it may be in lower case. */
const namedPattern = /"?level"?\s*[:=]\s*"?(trace|debug|info|warn|warning|error|critical|fatal)\b/i;

const levels: Readonly<Record<string, string>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
  critical: "error",
  fatal: "error",
};

/** `debug`, `info`, `warning` or `error` where the line says so; else empty. */
export function readLogLevel(text: string): string {
  const head = text.slice(0, searchedLength);
  const word = namedPattern.exec(head)?.[1] ?? levelPattern.exec(head)?.[1];
  return word === undefined ? "" : (levels[word.toLowerCase()] ?? "");
}
