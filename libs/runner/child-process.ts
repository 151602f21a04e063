import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describeError } from "#errors/app-error.ts";
import type { ProcessOptions } from "#operators/operator.ts";
import { StreamMasker } from "#secrets/stream-masker.ts";
import { startWithin } from "./cgroup.ts";
import { type CommandPlace, prepareCommand, type PreparedCommand } from "./enclosure/prepare-command.ts";
import type { StartFailure } from "./find-executable.ts";
import { createLastLine } from "./line-splitter.ts";
import { maxValueBytes } from "./parse-outputs.ts";

const maxTailBytes = 4096;

/** What spawn says that is not about the host's state. */
const failureCodes: Readonly<Record<string, string>> = {
  ENOENT: "not_found",
  EACCES: "permission_denied",
  E2BIG: "configuration",
  ERR_INVALID_ARG_VALUE: "configuration",
};

export interface RunningProcess {
  readonly pid: number;
  /** Resolves when the process itself has ended; its children may go on. Never rejects. */
  readonly exited: Promise<{
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly failure: StartFailure | null;
  }>;
  /** Resolves when nobody holds its output any more. Never rejects. */
  readonly outputEnded: Promise<unknown>;
  pauseOutput(isPaused: boolean): void;
  /** Stops reading, whoever still holds the other end. */
  dropOutput(): void;
  readonly stderrTail: () => string;
  readonly lastStdoutLine: () => string;
}

/** Starts a program in a process group and session of its own, so that all of it can be found and killed. */
export function startChild(
  options: ProcessOptions,
  attempt: {
    readonly place: CommandPlace;
    readonly captureStdout: boolean;
    readonly masked: readonly Buffer[];
  },
  onOutput: (source: "stdout" | "stderr", piece: Buffer) => void,
): RunningProcess | StartFailure {
  try {
    const prepared = prepareCommand(options, attempt.place);
    if ("code" in prepared) return prepared;
    const { cgroup, home } = attempt.place;
    const start = (): ChildProcess => spawnPrepared(prepared, options.input === undefined ? "ignore" : "pipe");
    const child = cgroup === null || home === null ? start() : startWithin(cgroup, home, start);
    const { captureStdout, masked } = attempt;
    return follow(child, { input: options.input, captureStdout, masked, onOutput });
  } catch (error) {
    return toFailure(error);
  }
}

/** What descriptor 3 gives is in no folder any more once the program has it. */
function spawnPrepared(
  { file, args, cwd, environment, optionsText }: PreparedCommand,
  input: "ignore" | "pipe",
): ChildProcess {
  const settings = { cwd, env: environment, detached: true } as const;
  if (optionsText === null) return spawn(file, args, { ...settings, stdio: [input, "pipe", "pipe"] });
  const path = join(cwd, "options");
  writeFileSync(path, optionsText, { mode: 0o600 });
  const descriptor = openSync(path, "r");
  try {
    rmSync(path);
    return spawn(file, args, { ...settings, stdio: [input, "pipe", "pipe", descriptor] });
  } finally {
    closeSync(descriptor);
  }
}

/** Waits for the end of the output, but not longer than this. */
export async function waitForOutput(running: RunningProcess, timeoutMs: number): Promise<void> {
  const { promise: timeOver, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([running.outputEnded, timeOver]);
  clearTimeout(timer);
}

function follow(
  child: ChildProcess,
  options: {
    readonly input: string | undefined;
    readonly captureStdout: boolean;
    readonly masked: readonly Buffer[];
    readonly onOutput: (source: "stdout" | "stderr", piece: Buffer) => void;
  },
): RunningProcess {
  const streams = [child.stdout, child.stderr].filter((stream): stream is Readable => stream !== null);
  const lastLine = createLastLine(maxValueBytes);
  let tail: Buffer = Buffer.alloc(0);
  listen(child.stdout, options.masked, (piece) => {
    if (options.captureStdout) lastLine.push(piece);
    options.onOutput("stdout", piece);
  });
  listen(child.stderr, options.masked, (piece) => {
    tail = Buffer.from(Buffer.concat([tail, piece.subarray(-maxTailBytes)]).subarray(-maxTailBytes));
    options.onOutput("stderr", piece);
  });
  // A process that ends without reading its input is no error of ours.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input);
  const ended = streams.map((stream) => once(stream, "close").catch(() => undefined));
  return {
    pid: child.pid ?? 0,
    exited: new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal, failure: null }));
      child.once("error", (error) => resolve({ exitCode: null, signal: null, failure: toFailure(error) }));
    }),
    outputEnded: Promise.all(ended),
    pauseOutput: (isPaused) => {
      for (const stream of streams)
        if (isPaused) stream.pause();
        else stream.resume();
    },
    dropOutput: () => {
      for (const stream of streams) stream.destroy();
    },
    stderrTail: () => tail.toString("utf8"),
    lastStdoutLine: () => lastLine.text(),
  };
}

/** Everything that is made of the output is made of the masked one. */
function listen(stream: Readable | null, masked: readonly Buffer[], use: (piece: Buffer) => void): void {
  const masker = new StreamMasker(masked);
  const useAny = (piece: Buffer): void => {
    if (piece.length > 0) use(piece);
  };
  stream?.on("data", (piece: Buffer) => useAny(masker.push(piece)));
  stream?.once("close", () => useAny(masker.end()));
}

function toFailure(error: unknown): StartFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return {
    code: failureCodes[code] ?? "worker_error",
    message: `the process can't be started: ${describeError(error)}`,
  };
}
