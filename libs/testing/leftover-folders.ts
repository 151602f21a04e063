import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Removes temporary folders of programs that were killed. Their names are `prefix`, the number of the process that made
 * them, a hyphen, and anything; `endFirst` ends what may still run in one.
 */
export async function removeLeftoverFolders(
  prefix: string,
  endFirst: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (owner === undefined || isAlive(Number(owner))) continue;
    const folder = join(tmpdir(), name);
    await endFirst(folder);
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
