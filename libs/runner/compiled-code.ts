import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";

/**
 * Tells the runner where this process keeps compiled code, types stripped: with its own there it never loads the
 * stripper, which would take more than the runner itself.
 */
export function compiledCodeVariables(): Readonly<Record<string, string>> {
  const directory = getCompileCacheDir();
  // Node makes a folder for each version of its own in the one that it is told.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}
