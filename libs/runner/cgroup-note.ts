import { closeSync, constants, openSync, rmSync, writeSync } from "node:fs";
import { type AttemptDirectories, privateFileMode } from "./attempt-directories.ts";
import { readText } from "./read-text.ts";

/**
 * Leaves the path of the attempt's cgroup, so that a later start finds it; null: there is none. The note of an earlier
 * attempt is written over, never cut: a file that was cut is written to the disk when it is closed (ext4), which takes
 * longer than all else. So what follows the first line is nothing.
 */
export function noteCgroup({ cgroupNote }: AttemptDirectories, cgroup: string | null): void {
  if (cgroup === null) return rmSync(cgroupNote, { force: true });
  const descriptor = openSync(cgroupNote, constants.O_WRONLY | constants.O_CREAT, privateFileMode);
  try {
    writeSync(descriptor, `${cgroup}\n`);
  } finally {
    closeSync(descriptor);
  }
}

export function readCgroupNote({ cgroupNote }: AttemptDirectories): string | null {
  return readText(cgroupNote)?.split("\n", 1)[0] ?? null;
}
