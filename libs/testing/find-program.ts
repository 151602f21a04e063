import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const places = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** A program of this machine; servers often lie outside of PATH. Null: it has none. */
export function findProgram(name: string): string | null {
  return places.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
