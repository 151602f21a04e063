import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "#errors/app-error.ts";
import type { ProcessOptions } from "#operators/operator.ts";
import { type AttemptDirectories, isEmptyFolder, privateFileMode, removeDirectory } from "./attempt-directories.ts";
import { AttemptLog } from "./attempt-log.ts";
import { AttemptGauge } from "./attempt-gauge.ts";
import type { AttemptLimits, UsageNow } from "./attempt-limits.ts";
import { cgroupPath, createCgroup, removeCgroup } from "./cgroup.ts";
import { noteCgroup } from "./cgroup-note.ts";
import { type CgroupSupport, homeFor } from "./cgroup-support.ts";
import { type RunningProcess, startChild, waitForOutput } from "./child-process.ts";
import { ContainerGauge } from "./enclosure/container-gauge.ts";
import { ensureImage } from "./enclosure/container-image.ts";
import { askContainerToEnd, noteContainer, removeContainer } from "./enclosure/container-life.ts";
import type { ContainerTool, Enclosure } from "./enclosure/enclosure.ts";
import type { StartFailure } from "./find-executable.ts";
import type { LimitWatch } from "./limit-watch.ts";
import { hasMembers, killTree, type ProcessTree, terminateGroups } from "./process-tree.ts";
import { readOutputFile } from "./read-output-file.ts";
import type { AttemptRemains, ProcessEnd, RunnerMessage } from "./runner-protocol.ts";
import type { SpareDirectories } from "./spare-directories.ts";

/** What the main process's children may still write after its end before they are killed, in milliseconds. */
const lingerMs = 500;
/** How long a stopped tree is left alone between two looks, in milliseconds. */
const lookAgainMs = 50;
/** Output that somebody outside the tree holds open is given up after this, in milliseconds. */
const strayOutputMs = 1000;

export interface RunnerAttemptOptions {
  readonly token: string;
  readonly directories: AttemptDirectories;
  readonly support: CgroupSupport;
  readonly limits: AttemptLimits;
  /** Null: nothing surrounds its processes. */
  readonly enclosure: Enclosure | null;
  readonly watch: LimitWatch;
  readonly spares: SpareDirectories;
  readonly logMaxBytes: number;
  readonly credit: number;
  readonly captureStdout: boolean;
  readonly masked?: readonly Buffer[];
  readonly send: (message: RunnerMessage) => void;
  /** For what nobody waits for. */
  readonly sendLate: (message: RunnerMessage) => void;
  /** Called when nothing of it is left on the host. */
  readonly onClosed: () => void;
}

/** One attempt in the runner process: its directories, its processes (one after the other) and its log. */
export class RunnerAttempt {
  readonly #options: RunnerAttemptOptions;
  readonly #log: AttemptLog;
  readonly #groups = new Set<number>();
  readonly #cgroup: string | null;
  readonly #gauge: AttemptGauge;
  readonly #openFailure: StartFailure | null;
  #running: RunningProcess | null = null;
  /** Null: it has to be looked for. */
  #left: AttemptRemains | null = null;
  #closing: Promise<void> | null = null;
  /** Settles when the present process's tree is gone and reported. */
  #finished: Promise<void> = Promise.resolve();
  /** Null: nobody asked it to stop. Else the time of `performance.now()` at which its tree is killed. */
  #killAt: number | null = null;
  #killTimer: NodeJS.Timeout | undefined;
  /** Aborted when it is asked to stop. */
  readonly #stopping = new AbortController();

  constructor(options: RunnerAttemptOptions) {
    this.#options = options;
    const { token, support, directories, limits, watch, enclosure, spares } = options;
    const engine = enclosure?.kind === "container" ? enclosure.tool : null;
    const cgroup = support.parent === null || engine !== null ? null : cgroupPath(support.parent, token);
    // The notes come first, so that no cgroup and no container is ever made that a later start does not find.
    this.#openFailure = makeDirectories(directories, { cgroup, engine, spares });
    this.#cgroup = cgroup !== null && this.#openFailure === null && createCgroup(cgroup) ? cgroup : null;
    const controllers = support.parent === null ? new Set<never>() : support.controllers;
    const watched = {
      limits,
      directory: directories.base,
      container: engine === null ? null : new ContainerGauge(engine, token),
      watch,
    };
    this.#gauge = new AttemptGauge({ cgroup: this.#cgroup, controllers, ...watched });
    this.#log = new AttemptLog({
      maxBytes: options.logMaxBytes,
      credit: options.credit,
      send: (piece) => options.send({ kind: "log", attempt: options.token, piece }),
      onPressure: (isHigh) => this.#running?.pauseOutput(isHigh),
    });
  }

  /** Runs a process and reports its end when its whole tree is gone. */
  start(process: number, options: ProcessOptions): void {
    const previous = this.#finished;
    this.#finished = previous.then(() => this.#run(process, options));
  }

  /** Asks the tree to end, and kills it after the grace; of two orders the one that kills sooner counts. */
  stop(graceMs: number): void {
    const killAt = performance.now() + graceMs;
    const isFirst = this.#killAt === null;
    this.#stopping.abort();
    this.#killAt = Math.min(this.#killAt ?? killAt, killAt);
    if (isFirst && graceMs > 0) this.#askToEnd();
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#kill(), Math.max(0, this.#killAt - performance.now()));
    if (graceMs <= 0) this.#kill();
  }

  addCredit(amount: number): void {
    this.#log.addCredit(amount);
  }

  /** Null: no process of it runs. */
  get usageNow(): UsageNow | null {
    return this.#running === null ? null : this.#gauge.usageNow();
  }

  /** Ends the attempt: nothing of it is left on the host afterwards. */
  close(): Promise<void> {
    this.#closing ??= this.#close(this.#options.send);
    return this.#closing;
  }

  async #close(send: RunnerAttemptOptions["send"]): Promise<void> {
    const { token, onClosed } = this.#options;
    try {
      if (this.#running !== null) this.stop(0);
      await this.#finished;
      clearTimeout(this.#killTimer);
      this.#log.end();
      const left = this.#left ?? (await this.#readRemains());
      await this.#removeTraces();
      send({ kind: "closed", attempt: token, left });
    } finally {
      onClosed();
    }
  }

  /** After the end of its last process is on its way: the worker need not wait for the removal, nor ask for it. */
  #closeLater(): void {
    setImmediate(() => {
      this.#closing ??= this.#close(this.#options.sendLate);
    });
  }

  async #readRemains(): Promise<AttemptRemains> {
    return { ...(await readOutputFile(this.#options.directories.outputFile)), usage: this.#gauge.usage() };
  }

  /** Spares most attempts a second question, and their worker the wait for the removal of their folders. */
  async #findRemains(): Promise<AttemptRemains | null> {
    const isSettled = this.#killAt === null && this.#log.settle();
    if (!isSettled || !isEmptyFolder(this.#options.directories.artifacts)) return null;
    this.#left = await this.#readRemains();
    return this.#left;
  }

  get #tree(): ProcessTree {
    return { token: this.#options.token, groups: this.#groups, cgroup: this.#cgroup };
  }

  #askToEnd(): void {
    const { token, enclosure } = this.#options;
    if (enclosure?.kind !== "container") return terminateGroups(this.#tree);
    const isWanted = (): boolean => this.#running !== null && performance.now() < (this.#killAt ?? 0);
    void askContainerToEnd(enclosure.tool, token, isWanted);
  }

  #kill(): void {
    void killTree(this.#tree);
  }

  async #run(process: number, options: ProcessOptions): Promise<void> {
    const { token, send, directories, enclosure, support, limits, captureStdout, masked = [] } = this.#options;
    const report = (end: ProcessEnd, left: AttemptRemains | null = null, closes = false) =>
      send({ kind: "exited", attempt: token, process, end, left, closes });
    this.#left = null;
    if (this.#openFailure !== null) return report(notStarted(this.#openFailure));
    if (this.#killAt !== null) return report({ ...notStarted(null), wasStopped: true });
    if (enclosure?.kind === "container") {
      const missing = await ensureImage(enclosure, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return report({ ...notStarted(null), wasStopped: true });
      if (missing !== null) return report(notStarted(missing));
    }
    const isLogged = options.logOutput ?? true;
    const place = { token, directories, cgroup: this.#cgroup, home: homeFor(support, limits), enclosure, limits };
    const started = startChild(options, { place, captureStdout, masked }, (source, piece) => {
      if (isLogged) this.#log.write(source, piece);
    });
    if (!("pid" in started)) return report(notStarted(started));
    this.#running = started;
    if (started.pid > 0) this.#groups.add(started.pid);
    this.#log.setWaiting(true);
    const unfollow = this.#gauge.follow(this.#tree, () => this.#kill());
    const { exitCode, signal, failure } = await started.exited;
    unfollow();
    this.#log.setWaiting(false);
    const wasStopped = this.#killAt !== null;
    await this.#endTree(started);
    this.#running = null;
    this.#groups.delete(started.pid);
    const breach = exitCode === 0 ? null : this.#gauge.findBreach(wasStopped ? null : exitCode);
    const end = { exitCode, signal, failure, wasStopped, breach };
    const texts = { lastStdoutLine: started.lastStdoutLine(), stderrTail: started.stderrTail() };
    const left = isLogged ? await this.#findRemains() : null;
    const closes = left !== null && options.isLast === true;
    report({ ...end, ...texts }, left, closes);
    if (closes) this.#closeLater();
  }

  /** What the main process leaves behind gets a moment, or the rest of the grace, and is killed then (G13). */
  async #endTree(running: RunningProcess): Promise<void> {
    if (this.#killAt === null) await waitForOutput(running, lingerMs);
    while (this.#killAt !== null && performance.now() < this.#killAt && hasMembers(this.#tree))
      await delay(lookAgainMs);
    await killTree(this.#tree);
    const { token, enclosure, send } = this.#options;
    if (enclosure?.kind === "container") {
      const tell = (message: string): void => send({ kind: "warning", attempt: token, message });
      await removeContainer(enclosure.tool, token, { tell });
    }
    await waitForOutput(running, strayOutputMs);
    running.dropOutput();
  }

  async #removeTraces(): Promise<void> {
    const { token, directories, send, enclosure, spares } = this.#options;
    try {
      // Who owns what a container leaves is its engine's business.
      if (enclosure?.kind === "container" || !spares.keep(directories)) await removeDirectory(directories.base);
    } catch (error) {
      const message = `directory of the attempt can't be removed: ${describeError(error)}`;
      send({ kind: "warning", attempt: token, message });
    }
    if (this.#cgroup !== null && !removeCgroup(this.#cgroup)) {
      send({ kind: "warning", attempt: token, message: `cgroup ${this.#cgroup} can't be removed` });
    }
  }
}

function notStarted(failure: StartFailure | null): ProcessEnd {
  return {
    exitCode: null,
    signal: null,
    lastStdoutLine: "",
    stderrTail: "",
    wasStopped: false,
    breach: null,
    failure,
  };
}

/** Fresh and for this user alone. */
function makeDirectories(
  directories: AttemptDirectories,
  made: { readonly cgroup: string | null; readonly engine: ContainerTool | null; readonly spares: SpareDirectories },
): StartFailure | null {
  const { cgroup, engine, spares } = made;
  const { base, work, temporary, artifacts, code } = directories;
  try {
    if (!spares.take(directories)) {
      mkdirSync(base, { recursive: true, mode: 0o700 });
      for (const path of [work, temporary, artifacts, code]) mkdirSync(path, { mode: 0o700 });
    }
    writeFileSync(directories.outputFile, "", { flag: "a", mode: privateFileMode });
    noteCgroup(directories, cgroup);
    if (engine !== null) noteContainer(directories.containerNote, engine);
    return null;
  } catch (error) {
    return { code: "worker_error", message: `the attempt's directory can't be made: ${describeError(error)}` };
  }
}
