import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { endWithUs } from "../cluster/end-with-us.ts";
import { signalOwnProcess } from "../own-process.ts";

/** Small and quick to start rather than fast. */
const javaOptions = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const shownLines = 20;

export interface KafkaNodeOptions {
  readonly folder: string;
  readonly jars: string;
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** One broker process. Its data stays from start to start. */
export class KafkaNode {
  readonly logFile: string;
  /** Named in its command line, and in that of no other process. */
  readonly propertiesFile: string;
  readonly #classPath: string;
  readonly #pidFile: string;
  readonly #settings: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;

  constructor({ folder, jars, name, settings }: KafkaNodeOptions) {
    this.#classPath = join(jars, "*");
    this.propertiesFile = join(folder, `${name}.properties`);
    this.#pidFile = join(folder, `${name}.pid`);
    this.logFile = join(folder, `${name}.log`);
    this.#settings = settings;
  }

  /** Of its newest start; 0 before. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Once, before the first start. */
  async format(clusterId: string, extra: readonly string[]): Promise<void> {
    const lines = Object.entries(this.#settings).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(this.propertiesFile, lines.join(""));
    const child = this.#spawn([
      "kafka.tools.StorageTool",
      "format",
      "-t",
      clusterId,
      "-c",
      this.propertiesFile,
      ...extra,
    ]);
    await once(child, "close");
    if (child.exitCode !== 0) throw new Error(`Kafka could not be formatted:\n${await this.describeFailure()}`);
  }

  async start(): Promise<void> {
    this.#child = this.#spawn(["kafka.Kafka", this.propertiesFile]);
    await writeFile(this.#pidFile, String(this.#child.pid));
  }

  /** As a crash: nothing is written any more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) return;
    const ended = once(child, "exit");
    this.#signal("SIGKILL");
    await ended;
  }

  /** Stands still with its connections open, until `thaw`. */
  freeze(): void {
    this.#signal("SIGSTOP");
  }

  thaw(): void {
    this.#signal("SIGCONT");
  }

  /** The log from its first error on, else its end; what follows an error is a long farewell. */
  async describeFailure(): Promise<string> {
    const lines = (await readFile(this.logFile, "utf8").catch(() => "there is no log")).split("\n");
    const firstError = lines.findIndex((line) => /ERROR|FATAL|Exception/.test(line));
    return (firstError === -1 ? lines.slice(-shownLines) : lines.slice(firstError, firstError + shownLines)).join("\n");
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.isRunning && this.#child?.pid !== undefined) {
      signalOwnProcess(this.#child.pid, this.propertiesFile, signal);
    }
  }

  #spawn(args: readonly string[]): ChildProcess {
    const log = openSync(this.logFile, "a");
    try {
      const command = [...javaOptions, "-cp", this.#classPath, ...args];
      const child = spawn("java", command, { stdio: ["ignore", log, log], detached: true });
      endWithUs(child);
      return child;
    } finally {
      closeSync(log);
    }
  }
}
