import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** A PATH of the folders where systems keep their programs. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Why a process can't be started; codes as operators report them. */
export interface StartFailure {
  readonly code: string;
  readonly message: string;
  /** False: the next try would end the same, whatever the code says elsewhere. */
  readonly retryable?: boolean;
}

/** The absolute path of the program, found as a shell would: a name along `searchPath`, a path from `cwd`. */
export function findExecutable(
  file: string,
  options: { readonly searchPath: string; readonly cwd: string },
): { readonly path: string } | StartFailure {
  const isPath = file.includes("/");
  const folders = isPath ? [options.cwd] : options.searchPath.split(delimiter).filter((folder) => folder !== "");
  let denied: string | null = null;
  for (const folder of folders) {
    const path = isAbsolute(file) ? file : isPath ? resolve(folder, file) : join(folder, file);
    if (!isFile(path)) continue;
    if (isExecutable(path)) return { path };
    denied ??= path;
  }
  if (denied !== null) return { code: "permission_denied", message: `${denied} is not executable` };
  const where = isPath ? "" : ` in PATH (${options.searchPath})`;
  return { code: "not_found", message: `there is no program ${file}${where}` };
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
