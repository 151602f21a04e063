/** A duration for people: `340 ms`, `1.2 s`, `2m 03s`, `1h 05m`, `3d 04h`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${twoDigits(hours % 24)}h`;
}

/** An instant for tables, in UTC to the second: `2026-01-31 02:00:00Z`. */
export function instantText(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** The time of day of a progress line, in UTC to the millisecond: `02:00:00.123`. */
export function clockText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
