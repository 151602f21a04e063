import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endWithUs } from "./end-with-us.ts";

const ownProgram = fileURLToPath(new URL("../../../bin/millrace.js", import.meta.url));

/** How long a process that was asked to end may take before it is killed. */
const stopDeadlineMs = 20_000;
const readyDeadlineMs = 60_000;
const pollMs = 20;
/** So many of the last lines of a log tell why a process did not get ready. */
const shownLines = 30;

export interface ChildOptions {
  /** The launcher; the checkout's unless given. */
  readonly program?: string;
  /** For Node itself, before the program. */
  readonly nodeArguments?: readonly string[];
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error go there, behind what it holds. */
  readonly logFile: string;
  /** Aborted before the child is ready: it is killed, and the start rejects. */
  readonly signal?: AbortSignal;
}

/** A server process of Millrace. It has a session of its own, and ends with our process. */
export interface Child {
  readonly pid: number;
  /** Where it listens, from its ready line. */
  readonly url: string;
  readonly isRunning: boolean;
  /** Its exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, without a chance to clean up; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, also to one that is frozen, and SIGKILL after the deadline; answers the exit code. */
  stop(): Promise<number | null>;
  readLog(): Promise<string>;
}

/** The environment of a process that we start: ours without what would configure Millrace or color its output. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^(MILLRACE_|DATABASE_URL$|KAFKA_BROKERS$|NO_COLOR$|FORCE_COLOR$|CI$|NODE_OPTIONS$|VITEST)/.test(entry[0]),
  );
  return { ...Object.fromEntries(inherited), ...extra };
}

/** Starts a server command and waits for its ready line. Rejects with the end of its log when it ends before. */
export async function startChild(options: ChildOptions): Promise<Child> {
  options.signal?.throwIfAborted();
  const launched = await launch(options);
  const { process_, exited } = launched;
  const readLog = (): Promise<string> => readFile(options.logFile, "utf8").catch(() => "");
  const url = await waitForReadyLine(launched, options).catch(async (thrown: unknown) => {
    process_.kill("SIGKILL");
    await exited;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const tail = (await readLog()).trimEnd().split("\n").slice(-shownLines).join("\n");
    throw new Error(`millrace ${options.args.join(" ")} did not get ready: ${reason}; its log ends with\n${tail}`, {
      cause: thrown,
    });
  });
  return {
    pid: process_.pid ?? 0,
    url,
    get isRunning() {
      return isRunning(process_);
    },
    exited,
    signal(signal) {
      process_.kill(signal);
    },
    async kill() {
      process_.kill("SIGKILL");
      await exited;
    },
    async stop() {
      process_.kill("SIGTERM");
      process_.kill("SIGCONT");
      const timer = setTimeout(() => process_.kill("SIGKILL"), stopDeadlineMs);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
    readLog,
  };
}

interface Launched {
  readonly process_: ChildProcess;
  readonly exited: Promise<number | null>;
  /** How long its log was before it. */
  readonly offset: number;
}

async function launch(options: ChildOptions): Promise<Launched> {
  const log = await open(options.logFile, "a");
  try {
    const { size: offset } = await log.stat();
    const command = [...(options.nodeArguments ?? []), options.program ?? ownProgram, ...options.args];
    const process_ = spawn(process.execPath, command, {
      cwd: options.cwd,
      env: cleanEnvironment(options.environment),
      stdio: ["ignore", log.fd, log.fd],
      detached: true,
    });
    endWithUs(process_);
    const exited = new Promise<number | null>((resolve) => process_.once("exit", (code) => resolve(code)));
    await once(process_, "spawn");
    return { process_, exited, offset };
  } finally {
    await log.close();
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function waitForReadyLine({ process_, offset }: Launched, { logFile, signal }: ChildOptions): Promise<string> {
  const deadline = performance.now() + readyDeadlineMs;
  for (;;) {
    // Asked before the log is read, which then holds all that it ever said.
    const hasEnded = !isRunning(process_);
    const url = /^millrace .*is ready at (\S+)$/m.exec(await readFrom(logFile, offset))?.[1];
    if (url !== undefined && !hasEnded) return url;
    if (hasEnded) throw new Error(`it ended with ${process_.signalCode ?? `code ${process_.exitCode}`}`);
    if (signal?.aborted === true) throw new Error("it was told to end before");
    if (performance.now() > deadline) throw new Error(`nothing within ${readyDeadlineMs} ms`);
    await delay(pollMs);
  }
}

async function readFrom(path: string, offset: number): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.max(0, size - offset));
    await file.read(buffer, 0, buffer.length, offset);
    return buffer.toString();
  } finally {
    await file.close();
  }
}
