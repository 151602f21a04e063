import { readFileSync } from "node:fs";

/** The text of a small file, such as the kernel's; null when it can't be read. */
export function readText(path: string, encoding: "utf8" | "latin1" = "utf8"): string | null {
  try {
    return readFileSync(path, encoding);
  } catch {
    return null;
  }
}
