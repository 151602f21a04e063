import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { attemptDirectories } from "./attempt-directories.ts";
import { type AttemptLimits, noLimits } from "./attempt-limits.ts";
import { type CgroupSupport, findCgroupSupport, findHome } from "./cgroup-support.ts";
import type { Enclosure } from "./enclosure/enclosure.ts";
import { LimitWatch } from "./limit-watch.ts";
import { hasVariable, listProcesses } from "./process-table.ts";
import { tokenVariable } from "./process-tree.ts";
import { RunnerAttempt } from "./runner-attempt.ts";
import type { ProcessEnd, RunnerMessage } from "./runner-protocol.ts";
import { openSpareDirectories, type SpareDirectories } from "./spare-directories.ts";

let dataDir = "";
let spares: SpareDirectories = { take: () => false, keep: () => false };
let count = 0;

/** A data directory for each test of the file; the answer is its present path. */
export function useDataDir(): () => string {
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "millrace-runner-"));
    spares = openSpareDirectories(dataDir);
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  return () => dataDir;
}

const noSupport: CgroupSupport = { parent: null, missing: "the test wants none" };

interface OpenOptions {
  readonly support?: CgroupSupport;
  readonly captureStdout?: boolean;
  readonly credit?: number;
  readonly limits?: Partial<AttemptLimits>;
  readonly enclosure?: Enclosure;
}

/** An attempt, with what it reported so far. */
export function openAttempt(options: OpenOptions = {}) {
  count += 1;
  const token = `test-${process.pid}-${count}`;
  const directories = attemptDirectories(dataDir, token);
  const messages: RunnerMessage[] = [];
  const onClosed = vi.fn<() => void>();
  const attempt = new RunnerAttempt({
    token,
    directories,
    support: options.support ?? noSupport,
    limits: { ...noLimits, ...options.limits },
    enclosure: options.enclosure ?? null,
    watch: new LimitWatch(),
    spares,
    logMaxBytes: 1024 * 1024,
    credit: options.credit ?? 1024 * 1024,
    captureStdout: options.captureStdout ?? false,
    send: (message) => messages.push(message),
    sendLate: (message) => messages.push(message),
    onClosed,
  });
  const start = (
    command: string,
    more: { input?: string; cwd?: string; file?: string; environment?: Record<string, string>; isLast?: boolean } = {},
  ) =>
    attempt.start(1, {
      file: more.file ?? "bash",
      args: ["-c", command],
      environment: more.environment ?? { PATH: "/usr/bin:/bin", OUT: directories.outputFile },
      cwd: more.cwd ?? directories.work,
      ...(more.input === undefined ? {} : { input: more.input }),
      ...(more.isLast === undefined ? {} : { isLast: more.isLast }),
    });
  const end = async (): Promise<ProcessEnd> => {
    await vi.waitFor(() => expect(messages.map(({ kind }) => kind)).toContain("exited"), {
      timeout: 20_000,
      interval: 5,
    });
    const found = messages.find((message) => message.kind === "exited");
    if (found === undefined) throw new Error("not ended");
    return found.end;
  };
  const log = () =>
    messages.flatMap((message) =>
      message.kind === "log"
        ? message.piece.entries.flatMap(({ source, text }) => text.split("\n").map((line) => `${source}: ${line}`))
        : [],
    );
  const left = () => messages.find((message) => message.kind === "exited")?.left;
  const closed = () => messages.find((message) => message.kind === "closed")?.left;
  const living = () =>
    listProcesses().filter(({ pid, isZombie }) => !isZombie && hasVariable(pid, tokenVariable, token));
  const file = (name: string) => join(dataDir, name);
  return { attempt, directories, start, end, log, left, closed, living, file, messages, onClosed };
}

export const waitForFile = (path: string) =>
  vi.waitFor(() => expect(existsSync(path)).toBe(true), { timeout: 20_000, interval: 5 });
export const isAlive = (pid: number) => listProcesses().some((entry) => entry.pid === pid && !entry.isZombie);

const found = findCgroupSupport({ delegates: false });
/** How attempts are held here: by their groups always, and by a cgroup where the host offers one. */
export const modes: { name: string; support: CgroupSupport }[] = [
  { name: "process groups", support: noSupport },
  ...(found.parent === null ? [] : inCgroups(found)),
];

function inCgroups(support: Extract<CgroupSupport, { readonly parent: string }>): typeof modes {
  const home = findHome(support.parent);
  return [
    { name: "a cgroup that processes join", support },
    ...(home === null ? [] : [{ name: "a cgroup that processes are born in", support: { ...support, home } }]),
  ];
}
