import { realpathSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import type { StartFailure } from "../find-executable.ts";

/** The kernel's and the running system's, with the sockets of its services. */
const systemFolders: readonly string[] = ["/proc", "/sys", "/dev", "/run", "/var/run"];

/** The path is the folder or below it. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way !== ".." && !way.startsWith("../"));
}

/** Why an attempt may not be given one of these folders, by their real paths; null: it may. Those that do not exist count as they are named. */
export function findClosed(paths: readonly string[], dataDirectory: string): StartFailure | null {
  const closed = [...systemFolders, ...(dataDirectory === "" ? [] : [dataDirectory])].map(realPath);
  const found = paths.find((path) => {
    const real = realPath(path);
    return real === "/" || closed.some((folder) => isWithin(folder, real));
  });
  if (found === undefined) return null;
  const message = `allow_paths names ${found}, which no confined process may read: it is the root folder, or within ${systemFolders.join(", ")} or the worker's data directory`;
  return { code: "permission_denied", message };
}

/** Where the data directory shows within a folder that an attempt sees; none where it lies elsewhere. Absolute paths. */
export function dataWithin(seen: readonly string[], dataDirectory: string): readonly string[] {
  if (dataDirectory === "") return [];
  const real = realPath(dataDirectory);
  return seen
    .filter((folder) => isWithin(realPath(folder), real))
    .map((folder) => join(folder, relative(realPath(folder), real)));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
