import { execFile } from "node:child_process";
import { chown, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Binaries } from "./embedded-binaries.ts";
import type { ServerUser } from "./embedded-place.ts";
import { endPostmaster, isPostmasterOf, readPostmasterFile } from "./postmaster-file.ts";

export const superuser = "millrace";

const initDeadlineMs = 60_000;

/** The cluster's folder below `base`, made by initdb when it is not there; one that was cut off is made anew. */
export async function ensureCluster(options: {
  base: string;
  binaries: Binaries;
  user: ServerUser | null;
  unsafe: boolean;
}): Promise<string> {
  const cluster = join(options.base, "postgres");
  const isThere = await stat(join(cluster, "PG_VERSION")).then(
    () => true,
    () => false,
  );
  if (isThere) return cluster;
  const partial = join(options.base, "postgres.partial");
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  if (options.user !== null) await chown(partial, options.user.uid, options.user.gid);
  const flags = ["-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions", "-U", superuser, "-D", partial];
  try {
    await promisify(execFile)(options.binaries.initdb, options.unsafe ? [...flags, "--no-sync"] : flags, {
      cwd: "/",
      timeout: initDeadlineMs,
      env: { ...options.binaries.environment, LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" },
      ...options.user,
    });
  } catch (error) {
    throw new AppError("EMBEDDED_DATABASE_FAILED", `initdb failed in ${partial}: ${describeError(error)}`, {
      cause: error,
    });
  }
  await rename(partial, cluster);
  return cluster;
}

/**
 * Clears what a killed owner left: a server that still runs is ended, a pid file whose number now belongs to another
 * program is removed (the server would refuse to start), and the socket's folder goes. Only for the folder's owner.
 */
export async function clearRemains(cluster: string): Promise<"nothing" | "ended" | "stale"> {
  const file = await readPostmasterFile(cluster);
  if (file === null) return "nothing";
  const isRunning = await isPostmasterOf(file.pid, cluster);
  if (isRunning) await endPostmaster(file.pid, cluster);
  await rm(join(cluster, "postmaster.pid"), { force: true });
  if (/\/millrace-pg-\w+$/.test(file.socketFolder)) await rm(file.socketFolder, { recursive: true, force: true });
  return isRunning ? "ended" : "stale";
}
