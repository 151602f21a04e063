import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** What `postmaster.pid` in a cluster says. */
export interface PostmasterFile {
  readonly pid: number;
  readonly socketFolder: string;
  readonly isReady: boolean;
}

export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | null> {
  const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  return { pid, socketFolder: lines[4] ?? "", isReady: lines[7] === "ready" };
}

/** The command line of a living process and a mark that no later process of its number shares; null when it is gone. */
export async function inspectProcess(
  pid: number,
): Promise<{ readonly command: string; readonly startMark: string } | null> {
  if (process.platform === "linux") {
    const [command, status] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => null),
      readFile(`/proc/${pid}/stat`, "utf8").catch(() => null),
    ]);
    if (command === null || status === null) return null;
    // The second field is the program's name in parentheses and may hold anything; after it: state, …, start time.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return { command: command.replaceAll("\0", " ").trim(), startMark: fields[19] ?? "" };
  }
  try {
    const { stdout } = await promisify(execFile)("ps", ["-p", String(pid), "-o", "lstart=,command="], {
      timeout: 5000,
    });
    return { command: stdout.slice(24).trim(), startMark: stdout.slice(0, 24).trim() };
  } catch {
    return null;
  }
}

/** Whether the process is a server that runs on this cluster, and not another that has its number by now. */
export async function isPostmasterOf(pid: number, cluster: string): Promise<boolean> {
  const found = await inspectProcess(pid);
  return found !== null && found.command.includes("postgres") && found.command.includes(cluster);
}

/** Ends a server on this cluster: fast, then immediate, then by force. Resolves when it is gone. */
export async function endPostmaster(pid: number, cluster: string): Promise<void> {
  const steps = [
    { signal: "SIGINT", waitMs: 15_000 },
    { signal: "SIGQUIT", waitMs: 5000 },
    { signal: "SIGKILL", waitMs: 5000 },
  ] as const;
  for (const step of steps) {
    if (!(await isPostmasterOf(pid, cluster))) return;
    sendSignal(pid, step.signal);
    const deadline = performance.now() + step.waitMs;
    while (performance.now() < deadline) {
      if (!(await isPostmasterOf(pid, cluster))) return;
      await delay(20);
    }
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
}
