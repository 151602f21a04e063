import { readFile } from "node:fs/promises";

/** Proportional set size of a process in MiB: its own memory, and its share of what it has in common with others. */
async function readPssMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Processor time that a process has used, in milliseconds (clock ticks of 10 ms). */
async function readCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** These processes and all below them. */
async function withChildren(pids: readonly number[]): Promise<readonly number[]> {
  const found = [...pids];
  for (const pid of found) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    found.push(
      ...children
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
  }
  return found;
}

/** A process that has ended meanwhile counts nothing. */
async function sum(pids: readonly number[], read: (pid: number) => Promise<number>): Promise<number> {
  const values = await Promise.all(pids.map((pid) => read(pid).catch(() => 0)));
  return values.reduce((total, value) => total + value, 0);
}

/** Memory of a process tree in MiB, and the share of one core that it uses over `seconds` of doing nothing. */
export async function measureIdle(
  pids: readonly number[],
  seconds: number,
): Promise<{ pssMb: number; coreShare: number }> {
  const tree = await withChildren(pids);
  const before = await sum(tree, readCpuMs);
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const used = (await sum(tree, readCpuMs)) - before;
  return { pssMb: await sum(tree, readPssMb), coreShare: used / (performance.now() - start) };
}

/** Memory of a process tree in MiB, now. */
export async function readMemoryMib(pids: readonly number[]): Promise<number> {
  return sum(await withChildren(pids), readPssMb);
}
