import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ownProgram = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));

/** How long a process that was asked to end may take before it is killed. */
const stopDeadlineMs = 20_000;
const readyDeadlineMs = 60_000;

export interface ChildOptions {
  /** The launcher; the checkout's unless given. */
  readonly program?: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error go there. */
  readonly logFile: string;
}

/** A server process of Millrace, under test. */
export interface Child {
  readonly pid: number;
  /** Where it listens, from its ready line. */
  readonly url: string;
  /** Its exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** SIGKILL, without a chance to clean up; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after the deadline; answers the exit code. */
  stop(): Promise<number | null>;
  readLog(): Promise<string>;
}

/** The environment of a test process: ours without what would configure Millrace or color its output. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^(MILLRACE_|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$|CI$|NODE_OPTIONS$|VITEST)/.test(entry[0]),
  );
  return { ...Object.fromEntries(inherited), ...extra };
}

/** Starts a server command and waits for its ready line. Rejects with its log when it ends before. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const process_ = spawn(process.execPath, [options.program ?? ownProgram, ...options.args], {
    cwd: options.cwd,
    env: cleanEnvironment(options.environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(options.logFile, { flags: "a" });
  process_.stdout.pipe(log, { end: false });
  process_.stderr.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => process_.once("exit", (code) => resolve(code)));
  void exited.then(() => log.end());
  const readLog = (): Promise<string> => readFile(options.logFile, "utf8").catch(() => "");
  const url = await waitForReadyLine(process_, exited).catch(async (thrown: unknown) => {
    process_.kill("SIGKILL");
    throw new Error(`millrace ${options.args.join(" ")} did not get ready\n${await readLog()}`, { cause: thrown });
  });
  return {
    pid: process_.pid ?? 0,
    url,
    exited,
    async kill() {
      process_.kill("SIGKILL");
      await exited;
    },
    async stop() {
      process_.kill("SIGTERM");
      const timer = setTimeout(() => process_.kill("SIGKILL"), stopDeadlineMs);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
    readLog,
  };
}

async function waitForReadyLine(child: ChildProcess, exited: Promise<number | null>): Promise<string> {
  const ready = Promise.withResolvers<string>();
  let text = "";
  const onData = (chunk: Buffer): void => {
    text += chunk.toString();
    const url = /^millrace .*is ready at (\S+)$/m.exec(text)?.[1];
    if (url !== undefined) ready.resolve(url);
  };
  child.stdout?.on("data", onData);
  const timer = setTimeout(() => ready.reject(new Error(`not ready within ${readyDeadlineMs} ms`)), readyDeadlineMs);
  void exited.then((code) => ready.reject(new Error(`ended with ${code}`)));
  try {
    return await ready.promise;
  } finally {
    clearTimeout(timer);
    child.stdout?.off("data", onData);
  }
}
