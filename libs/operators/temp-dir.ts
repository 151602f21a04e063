/**
 * Stands for the attempt's temporary directory in rendered values: only the worker knows it, and puts it in before the
 * operator runs. No path or program would hold it by chance.
 */
export const tempDirPlaceholder = "\u{F8FF}millrace-temp-dir\u{F8FF}";

/** The same JSON value with the directory in the placeholder's place. */
export function withTempDir<T>(value: T, directory: string): T {
  const json = JSON.stringify(value);
  if (!json.includes(tempDirPlaceholder)) return value;
  const escaped = JSON.stringify(directory).slice(1, -1);
  return JSON.parse(json.replaceAll(tempDirPlaceholder, escaped)) as T;
}
