import type { AttemptLimits } from "./attempt-limits.ts";
import { listCgroupProcesses } from "./cgroup.ts";
import { ranOutOfProcesses } from "./cgroup-limits.ts";
import type { Controller } from "./cgroup-support.ts";
import { measureDisk } from "./disk-use.ts";
import { diskBreach, formatBytes, type LimitBreach, memoryBreach, processBreach } from "./limit-breach.ts";
import { listProcesses, type ProcessEntry, proportionalBytes, residentBytes } from "./process-table.ts";
import { findRelatives, type ProcessTree } from "./process-tree.ts";

/** Between two looks at the processes, in milliseconds. */
const lookEveryMs = 250;
/** Between two walks through an attempt's directories, in milliseconds, and how much longer than a walk they are apart. */
const walkEveryMs = 1000;
const restAfterWalk = 4;
/** Files and folders of an attempt with a disk limit; more could not be counted in good time. */
const maxEntries = 200_000;

/** An attempt with a process, and who is to hear of it. */
export interface WatchedAttempt {
  readonly tree: ProcessTree;
  readonly directory: string;
  readonly limits: AttemptLimits;
  /** What the kernel itself limits and counts. */
  readonly held: ReadonlySet<Controller>;
  /** What the processes use now; `cpuMs` null: the cgroup counts it. */
  readonly onSample: (sample: {
    readonly memoryBytes: number;
    readonly cpuMs: number | null;
    readonly processes: number;
  }) => void;
  /** Called once at most. */
  readonly onBreach: (breach: LimitBreach) => void;
}

interface Entry {
  readonly attempt: WatchedAttempt;
  /** Members seen so far, pid → start: one that left its group and parent is still known. */
  known: ReadonlyMap<number, number>;
  readonly stopping: AbortController;
  nextWalkAt: number;
  isWalking: boolean;
}

/** Looks after what the kernel does not limit, for all attempts of the runner with one look at the host. */
export class LimitWatch {
  readonly #entries = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;

  /** Until the answer is called. */
  watch(attempt: WatchedAttempt): () => void {
    const stopping = new AbortController();
    const entry: Entry = { attempt, known: new Map(), stopping, nextWalkAt: 0, isWalking: false };
    this.#entries.add(entry);
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs);
    return () => this.#drop(entry);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    // A reason of our own spares the making of an error, with its stack, for every process.
    entry.stopping.abort("over");
    if (this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    let table: readonly ProcessEntry[] | null = null;
    for (const entry of this.#entries) {
      const { tree, held, limits } = entry.attempt;
      if (!held.has("memory") || !held.has("pids")) {
        if (tree.cgroup === null) table ??= listProcesses();
        this.#sample(entry, table);
      } else if (tree.cgroup !== null && ranOutOfProcesses(tree.cgroup))
        this.#breach(entry, processBreach(limits.processes));
      this.#walkWhenDue(entry);
    }
  }

  #sample(entry: Entry, table: readonly ProcessEntry[] | null): void {
    const { tree, held, limits, onSample } = entry.attempt;
    const relatives = tree.cgroup === null ? findRelatives(tree, table ?? [], entry.known) : null;
    if (relatives !== null) entry.known = new Map(relatives.map(({ pid, startedTicks }) => [pid, startedTicks]));
    const pids = relatives?.map(({ pid }) => pid) ?? listCgroupProcesses(tree.cgroup ?? "");
    const isFull = held.has("pids") ? ranOutOfProcesses(tree.cgroup ?? "") : pids.length >= limits.processes;
    if (isFull) return this.#breach(entry, processBreach(limits.processes));
    if (held.has("memory")) return;
    const memoryBytes = measureMemory(pids, limits.memoryBytes);
    const cpuMs = relatives?.reduce((sum, { cpuMs: own }) => sum + own, 0) ?? null;
    onSample({ memoryBytes, cpuMs, processes: pids.length });
    if (limits.memoryBytes !== null && memoryBytes > limits.memoryBytes)
      this.#breach(entry, memoryBreach(memoryBytes, limits.memoryBytes));
  }

  #walkWhenDue(entry: Entry): void {
    const { diskBytes } = entry.attempt.limits;
    if (diskBytes === null || entry.isWalking || performance.now() < entry.nextWalkAt) return;
    entry.isWalking = true;
    void this.#walk(entry, diskBytes);
  }

  async #walk(entry: Entry, limitBytes: number): Promise<void> {
    const startedAt = performance.now();
    const { signal } = entry.stopping;
    const { bytes, entries, isWhole } = await measureDisk(entry.attempt.directory, {
      bytes: limitBytes,
      entries: maxEntries,
      signal,
    });
    const now = performance.now();
    entry.nextWalkAt = now + Math.max(walkEveryMs, (now - startedAt) * restAfterWalk);
    entry.isWalking = false;
    if (isWhole || signal.aborted) return;
    const used = entries > maxEntries ? `more than ${maxEntries} files` : `at least ${formatBytes(bytes)}`;
    this.#breach(entry, diskBreach(used, limitBytes));
  }

  #breach(entry: Entry, breach: LimitBreach): void {
    if (!this.#entries.has(entry)) return;
    this.#drop(entry);
    entry.attempt.onBreach(breach);
  }
}

/** Shared pages are told apart only where it matters, since that costs more: beyond the limit. */
function measureMemory(pids: readonly number[], limitBytes: number | null): number {
  const resident = sum(pids.map(residentBytes));
  return limitBytes === null || resident <= limitBytes ? resident : sum(pids.map(proportionalBytes));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
