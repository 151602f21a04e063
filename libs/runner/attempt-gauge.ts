import { type AttemptLimits, type AttemptUsage, unknownUsage, type UsageNow } from "./attempt-limits.ts";
import { limitCgroup, ranOutOfMemory, ranOutOfProcesses, readCgroupNow, readCgroupUsage } from "./cgroup-limits.ts";
import type { Controller } from "./cgroup-support.ts";
import type { ContainerGauge } from "./enclosure/container-gauge.ts";
import { type LimitBreach, memoryBreach, processBreach } from "./limit-breach.ts";
import type { LimitWatch } from "./limit-watch.ts";
import type { ProcessTree } from "./process-tree.ts";

const allControllers: ReadonlySet<Controller> = new Set(["memory", "pids", "cpu"]);

/** By which engines say that SIGKILL ended a container's main process. */
const killedExitCode = 137;

export interface AttemptGaugeOptions {
  /** Null: the attempt has none. */
  readonly cgroup: string | null;
  readonly controllers: ReadonlySet<Controller>;
  readonly limits: AttemptLimits;
  readonly directory: string;
  /** Not null: a container, which its engine limits; here its folders are watched alone. */
  readonly container: ContainerGauge | null;
  readonly watch: LimitWatch;
}

/** Holds one attempt to its limits, by the kernel where it can, and knows what it used. */
export class AttemptGauge {
  readonly #options: AttemptGaugeOptions;
  readonly #held: ReadonlySet<Controller>;
  #sampled: UsageNow = { ...unknownUsage, memoryBytes: null, processes: null };
  #breach: LimitBreach | null = null;

  constructor(options: AttemptGaugeOptions) {
    const { cgroup, limits, controllers, container } = options;
    this.#options = options;
    if (container !== null) this.#held = allControllers;
    else this.#held = cgroup === null ? new Set() : limitCgroup(cgroup, limits, controllers);
  }

  /** Watches the tree of one process until the answer is called. `end` is called once a limit is passed. */
  follow(tree: ProcessTree, end: () => void): () => void {
    const { watch, limits, directory, container } = this.#options;
    const unfollow = container?.follow();
    const unwatch = watch.watch({
      tree,
      directory,
      limits,
      held: this.#held,
      onSample: ({ memoryBytes, cpuMs, processes }) => {
        const { cpuMs: cpuBefore, memoryPeakBytes } = this.#sampled;
        this.#sampled = {
          cpuMs: cpuMs === null ? cpuBefore : Math.max(cpuMs, cpuBefore ?? 0),
          memoryPeakBytes: Math.max(memoryBytes, memoryPeakBytes ?? 0),
          memoryBytes,
          processes,
        };
      },
      onBreach: (breach) => {
        this.#breach = breach;
        end();
      },
    });
    return () => {
      unfollow?.();
      unwatch();
    };
  }

  /** The limit that a process of the attempt has failed by; null: none. */
  findBreach(exitCode: number | null): LimitBreach | null {
    if (this.#breach !== null) return this.#breach;
    const { cgroup, limits, container } = this.#options;
    // Not every engine tells why the kernel killed a container; one with a limit has hardly another cause.
    if (container !== null && exitCode === killedExitCode && limits.memoryBytes !== null)
      return memoryBreach(null, limits.memoryBytes);
    if (cgroup === null) return null;
    if (ranOutOfMemory(cgroup)) return memoryBreach(null, limits.memoryBytes);
    return ranOutOfProcesses(cgroup) ? processBreach(limits.processes) : null;
  }

  /** While a process of it runs. */
  usageNow(): UsageNow {
    const { cgroup, container } = this.#options;
    if (container !== null) return container.usageNow();
    const counted = cgroup === null ? null : readCgroupNow(cgroup);
    return {
      ...this.usage(),
      memoryBytes: counted?.memoryBytes ?? this.#sampled.memoryBytes,
      processes: counted?.processes ?? this.#sampled.processes,
    };
  }

  usage(): AttemptUsage {
    const { cgroup, container } = this.#options;
    if (container !== null) return container.usage();
    const counted = cgroup === null ? unknownUsage : readCgroupUsage(cgroup);
    return {
      cpuMs: counted.cpuMs ?? this.#sampled.cpuMs,
      memoryPeakBytes: counted.memoryPeakBytes ?? this.#sampled.memoryPeakBytes,
    };
  }
}
