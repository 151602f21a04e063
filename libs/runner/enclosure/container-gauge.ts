import { setTimeout as delay } from "node:timers/promises";
import { type AttemptUsage, type UsageNow, unknownUsage } from "../attempt-limits.ts";
import { readText } from "../read-text.ts";
import { callTool } from "./call-tool.ts";
import { containerName } from "./container-command.ts";
import { type ContainerCgroup, findContainerCgroup, readContainerCgroup } from "./container-cgroup.ts";
import { parseEngineStats, statsFormat } from "./engine-stats.ts";
import type { ContainerTool } from "./enclosure.ts";

/** The engine is asked where the container is when it has run so long, in milliseconds, then after twice as long each time. */
const firstLookMs = 1000;
const mostLookMs = 30_000;
/** One that does not tell what the container uses is asked again after this, then after twice as long each time. */
const leastAskPauseMs = 10_000;
const mostAskPauseMs = 600_000;
const callTimeoutMs = 20_000;
/** Between two reads of the kernel's counts, which are gone with the container. */
const readEveryMs = 250;

const nothing: UsageNow = { ...unknownUsage, memoryBytes: null, processes: null };

/** What the container of an attempt uses: the kernel's counts where they can be read here, else what its engine says. */
export class ContainerGauge {
  readonly #tool: ContainerTool;
  readonly #name: string;
  /** Of the present process and of those before it, each in a container of its own. */
  #now: UsageNow = nothing;
  #before: AttemptUsage = unknownUsage;
  /** Not null: the kernel's counts can't be read here, and the engine is asked when somebody wants to know. */
  #asked: AbortSignal | null = null;
  #isAsking = false;
  /** Zero while it tells. */
  #askPauseMs = 0;
  #askAfter = Number.NEGATIVE_INFINITY;

  constructor(tool: ContainerTool, token: string) {
    this.#tool = tool;
    this.#name = containerName(token);
  }

  /** Until the answer is called. Nothing waits for it. */
  follow(): () => void {
    const stopping = new AbortController();
    void this.#follow(stopping.signal);
    return () => {
      stopping.abort("over");
      this.#before = this.usage();
      this.#now = nothing;
      this.#asked = null;
    };
  }

  /** As it was read or asked last; an engine that has to be asked is asked for the next time. */
  usageNow(): UsageNow {
    if (this.#asked !== null && !this.#isAsking && performance.now() >= this.#askAfter) void this.#ask(this.#asked);
    return { ...this.#now, ...this.usage() };
  }

  usage(): AttemptUsage {
    return {
      cpuMs: combine(this.#before.cpuMs, this.#now.cpuMs, (before, now) => before + now),
      memoryPeakBytes: combine(this.#before.memoryPeakBytes, this.#now.memoryPeakBytes, Math.max),
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const cgroup = await this.#find(signal);
    if (signal.aborted) return;
    if (cgroup === null || !this.#read(cgroup)) {
      this.#asked = signal;
      return;
    }
    const timer = setInterval(() => this.#read(cgroup), readEveryMs);
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }

  /** Null: the kernel's counts are not here. */
  async #find(signal: AbortSignal): Promise<ContainerCgroup | null> {
    for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * 2, mostLookMs)) {
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return null;
      const question = ["container", "inspect", "--format", "{{.Id}} {{.State.Pid}}", this.#name];
      const { exitCode, stdout } = await this.#call(question, signal);
      const [id = "", pid = "0"] = stdout.trim().split(" ");
      if (exitCode !== 0 || id === "" || pid === "0") continue;
      const texts = { cgroups: readText(`/proc/${pid}/cgroup`) ?? "", mounts: readText("/proc/mounts") ?? "" };
      return findContainerCgroup(id, texts);
    }
  }

  /** False: it tells nothing. */
  #read(cgroup: ContainerCgroup): boolean {
    const read = readContainerCgroup(cgroup);
    const isThere = read.cpuMs !== null || read.memoryBytes !== null;
    if (isThere) this.#note(read);
    return isThere;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.#isAsking = true;
    const format = statsFormat[this.#tool.kind];
    const { exitCode, stdout } = await this.#call(["stats", "--no-stream", "--format", format, this.#name], signal);
    this.#isAsking = false;
    this.#askPauseMs = exitCode === 0 ? 0 : Math.min(mostAskPauseMs, Math.max(leastAskPauseMs, 2 * this.#askPauseMs));
    this.#askAfter = performance.now() + this.#askPauseMs;
    if (exitCode === 0 && !signal.aborted) this.#note(parseEngineStats(stdout));
  }

  #note(read: UsageNow): void {
    const peak = combine(read.memoryPeakBytes, read.memoryBytes, Math.max);
    const memoryPeakBytes = combine(this.#now.memoryPeakBytes, peak, Math.max);
    this.#now = { ...read, cpuMs: read.cpuMs ?? this.#now.cpuMs, memoryPeakBytes };
  }

  #call(args: readonly string[], signal: AbortSignal) {
    return callTool(this.#tool.path, args, {
      environment: this.#tool.environment,
      timeoutMs: callTimeoutMs,
      signal,
    });
  }
}

function combine(a: number | null, b: number | null, both: (a: number, b: number) => number): number | null {
  return a === null || b === null ? (a ?? b) : both(a, b);
}
