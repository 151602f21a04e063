import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#errors/app-error.ts";
import { inspectProcess } from "./postmaster-file.ts";

interface Owner {
  readonly pid: number;
  readonly startMark: string;
}

/** A process that was told to end, or killed, a moment ago gets so long to be gone. */
const patienceMs = 3000;
const pauseMs = 50;

/**
 * Makes this process the only owner of the folder, by a file that says who it is. The file of a process that is gone
 * is replaced; a living owner is named in a `DATA_DIR_UNUSABLE`. Returns the function that gives the folder up.
 */
export async function takeOwnership(base: string): Promise<() => Promise<void>> {
  const file = join(base, "owner.json");
  const mine = join(base, `owner.${process.pid}.json`);
  const me = await inspectProcess(process.pid);
  await writeFile(mine, JSON.stringify({ pid: process.pid, startMark: me?.startMark ?? "" } satisfies Owner));
  try {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      if (await takePlace(mine, file)) return () => rm(file, { force: true });
      const text = await readFile(file, "utf8").catch(() => "");
      const owner = parseOwner(text);
      const isAlive = owner !== null && (await inspectProcess(owner.pid))?.startMark === owner.startMark;
      if (!isAlive) await removeStale(file, text, mine);
      else if (performance.now() > deadline) throw inUse(base, owner.pid);
      else await delay(pauseMs);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** A link appears with its content, and only where nothing is. */
async function takePlace(mine: string, file: string): Promise<boolean> {
  try {
    await link(mine, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Another that starts now may have put its own file there since we looked: that one is put back. */
async function removeStale(file: string, expected: string, mine: string): Promise<void> {
  const aside = `${mine}.stale`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, "utf8")) !== expected) await takePlace(aside, file);
  await rm(aside, { force: true });
}

function inUse(base: string, pid: number): AppError {
  const message = `data directory ${base} is in use by process ${pid}; stop it or choose another`;
  return new AppError("DATA_DIR_UNUSABLE", message, { details: { folder: base, pid } });
}

function parseOwner(text: string): Owner | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startMark" in value)) return null;
    const { pid, startMark } = value;
    return typeof pid === "number" && typeof startMark === "string" ? { pid, startMark } : null;
  } catch {
    return null;
  }
}
