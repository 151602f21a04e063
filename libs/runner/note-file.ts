import { renameSync, writeFileSync } from "node:fs";
import { readText } from "./read-text.ts";

/** Leaves a note for a later start of the worker: whole or not at all. */
export function writeNote(path: string, value: unknown): void {
  const draft = `${path}.new`;
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, path);
}

/** Null: there is none. `unreadable`: something is there that `writeNote` did not write. */
export function readNote(path: string): object | "unreadable" | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : "unreadable";
  } catch {
    return "unreadable";
  }
}
