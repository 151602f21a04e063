import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const levelStyles: Readonly<Record<string, Style>> = {
  trace: "gray",
  debug: "gray",
  info: "green",
  warn: "yellow",
  error: "red",
  fatal: "red",
};

/**
 * A JSON log line as a line for people: time of day (UTC), level, component, message, then the other fields as
 * `name=value`; a stack follows on lines of its own. A line that is no JSON object is passed through.
 */
export function formatLogLine(line: string, colors: boolean): string {
  const fields = parseFields(line);
  if (fields === null) return line;
  const { timestamp, level, component, message, stack, ...others } = fields;
  const levelName = text(level);
  const parts = [
    paint("dim", text(timestamp).slice("YYYY-MM-DDT".length), colors),
    paint(levelStyles[levelName] ?? "white", levelName.toUpperCase().padEnd(5), colors),
    paint("cyan", text(component), colors),
    escapeControls(text(message)),
    ...Object.entries(others).map(([name, value]) => paint("dim", `${name}=`, colors) + quoted(value)),
  ];
  const trace = typeof stack === "string" ? stack.split("\n").map((frame) => `    at ${frame}\n`) : [];
  return `${parts.filter((part) => part !== "").join(" ")}\n${trace.join("")}`;
}

function parseFields(line: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : null;
  } catch {
    return null;
  }
}

function text(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Values with spaces, quotes or control characters are quoted, so that a value can't pretend to be another field or line. */
function quoted(value: unknown): string {
  const plain = text(value);
  return /^[^\s"=\p{Cc}]+$/u.test(plain) ? plain : escapeControls(JSON.stringify(plain));
}

/** A message stays on its line and can't command the terminal. */
function escapeControls(message: string): string {
  return message.replaceAll(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function paint(style: Style, content: string, colors: boolean): string {
  return colors && content !== "" ? styleText(style, content, { validateStream: false }) : content;
}
