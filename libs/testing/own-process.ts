import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether a process's command line names the given file, which only ours does: numbers of processes are used again. */
export function isOwnProcess(pid: number, file: string): boolean {
  return commandLineOf(pid).includes(file);
}

/** Signals such a process. False: there is none. */
export function signalOwnProcess(pid: number, file: string, signal: NodeJS.Signals): boolean {
  if (!isOwnProcess(pid, file)) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
  }
}
