import { readdir, readFile, readlink } from "node:fs/promises";

/** Names the process that listens on a TCP port of this machine, as far as /proc shows it to us; else null. */
export async function findPortHolder(port: number): Promise<{ pid: number; command: string } | null> {
  const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readOr(file, "")));
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return null;
  const pids = (await listOr("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsSocket(pid, inodes))) continue;
    const command = (await readOr(`/proc/${pid}/cmdline`, "")).split("\0").join(" ").trim();
    return { pid: Number(pid), command: command.slice(0, 200) };
  }
  return null;
}

/** The socket inodes in a table of /proc/net that listen (state 0A) on the port. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [, local, , state] = columns;
    const inode = columns[9];
    if (local?.endsWith(wanted) === true && state === "0A" && inode !== undefined) found.push(inode);
  }
  return found;
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const descriptor of await listOr(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

function readOr(file: string, fallback: string): Promise<string> {
  return readFile(file, "utf8").catch(() => fallback);
}

function listOr(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}
