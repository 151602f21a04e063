import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLogger } from "#telemetry/logger.ts";
import { attemptsRoot } from "./attempt-directories.ts";
import { killLeftovers } from "./leftovers.ts";
import { listProcesses, readProcess } from "./process-table.ts";
import { RunnerClient } from "./runner-client.ts";
import type { LogPiece } from "./runner-protocol.ts";

const environment = { PATH: "/usr/bin:/bin" };
const tell = (): void => {};
const logger = createLogger({ level: "silent", format: "json", component: "test" });
const patience = { timeout: 10_000, interval: 10 };

let dataDir: string;
let client: RunnerClient;
let count = 0;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-client-"));
  client = new RunnerClient({ dataDir, environment, logger });
});
afterEach(async () => {
  await client.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function open(options: { logMaxBytes?: number; credit?: number; givesBack?: boolean } = {}) {
  count += 1;
  const pieces: LogPiece[] = [];
  const token = `client-${process.pid}-${count}`;
  const handle = client.open({
    token,
    logMaxBytes: options.logMaxBytes ?? 1024 * 1024,
    credit: options.credit ?? 256 * 1024,
    captureStdout: true,
    onLog: (piece) => {
      pieces.push(piece);
      if (options.givesBack !== false) handle.addCredit(piece.cost);
    },
  });
  const run = (command: string) =>
    handle.startProcess({ file: "bash", args: ["-c", command], environment, cwd: handle.directories.work });
  return { token, handle, pieces, run, file: (name: string) => join(dataDir, name) };
}

const runnerPid = () => (JSON.parse(readFileSync(join(dataDir, "runner.json"), "utf8")) as { pid: number }).pid;
const isAlive = (pid: number) => listProcesses().some((entry) => entry.pid === pid && !entry.isZombie);
const waitForPid = async (path: string): Promise<number> => {
  await vi.waitFor(() => expect(existsSync(path) && readFileSync(path, "utf8")).toMatch(/^\d+\n$/), patience);
  return Number(readFileSync(path, "utf8"));
};

test("tells what an attempt uses while it runs, as far as this host does", async () => {
  const { handle, run, file } = open();
  const ended = run(`x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 60 & echo $! > ${file("pid")}; wait`);
  await waitForPid(file("pid"));
  await vi.waitFor(() => {
    client.measure();
    const { memoryBytes = null, memoryPeakBytes = null, cpuMs = null, processes = null } = handle.usage ?? {};
    expect([memoryBytes, memoryPeakBytes].map((bytes) => (bytes ?? 0) > 10_000_000)).toEqual([true, true]);
    expect(memoryPeakBytes).toBeGreaterThanOrEqual(memoryBytes ?? 0);
    expect([cpuMs, processes]).toEqual([expect.any(Number), 2]);
  }, patience);
  handle.stop("cancel", 0);
  await ended;
  await vi.waitFor(() => {
    client.measure();
    expect(handle.usage).toBeNull();
  }, patience);
  expect((await handle.close()).usage?.memoryPeakBytes).toBeGreaterThan(10_000_000);
});

test("an attempt runs in the runner and leaves nothing behind", async () => {
  const { handle, run, pieces } = open();

  const result = await run('echo "$PPID"; echo "a=1" > "$PWD/../output"');
  const closed = await handle.close();

  expect(result).toMatchObject({ exitCode: 0, stoppedBy: null, failure: null, lastStdoutLine: String(runnerPid()) });
  expect(runnerPid()).not.toBe(process.pid);
  expect(closed).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
  expect(pieces.flatMap(({ entries }) => entries.map(({ text }) => text))).toEqual([String(runnerPid())]);
  expect(readdirSync(attemptsRoot(dataDir))).toEqual([]);
});

test("what an attempt leaves is known with the end of its process, unless it has artifacts or another one follows", async () => {
  const { handle, run } = open();

  expect(handle.left).toBeNull();
  await run("echo a=1 > ../output");
  expect(handle.left).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
  const second = run("touch ../artifacts/report");
  expect(handle.left).toBeNull();
  await second;
  expect(handle.left).toBeNull();

  expect(await handle.close()).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
});

test("the folders of an attempt go with its last process, without a word from here", async () => {
  const { handle } = open();
  const { work, base } = handle.directories;

  const result = handle.startProcess({
    file: "bash",
    args: ["-c", "echo a=1 > ../output"],
    environment,
    cwd: work,
    isLast: true,
  });
  expect(await result).toMatchObject({ exitCode: 0 });
  expect(handle.left).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
  expect(await handle.ended).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
  expect(existsSync(base)).toBe(false);
  expect(await handle.close()).toEqual(handle.left);
  expect(() => handle.startProcess({ file: "true", args: [], environment, cwd: "/" })).toThrow("follows the last one");
});

test("a stop says who asked for it", async () => {
  const { handle, run, file } = open();

  const ended = run(`trap '' TERM; echo $$ > ${file("pid")}; while :; do sleep 1; done`);
  await waitForPid(file("pid"));
  handle.stop("timeout", 100);

  expect(await ended).toMatchObject({ stoppedBy: "timeout", signal: "SIGKILL" });
});

test("a flood of 200 MB neither grows memory nor delays this process, and its end is kept", async () => {
  const { handle, run, pieces } = open();
  await run("true");
  const before = process.memoryUsage().rss;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();

  const result = await run("head -c 200000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo the end");
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${runnerPid()}/status`, "utf8"))?.[1]) * 1024;
  await handle.close();
  delay.disable();

  expect(result).toMatchObject({ exitCode: 0, lastStdoutLine: "the end" });
  const texts = pieces.flatMap(({ entries }) => entries.map(({ text }) => text));
  expect(texts.at(-1)?.endsWith("the end")).toBe(true);
  expect(texts.join("\n").length).toBeLessThan(1.1 * 1024 * 1024);
  expect(pieces.reduce((sum, { droppedBytes }) => sum + droppedBytes, 0)).toBeGreaterThan(190_000_000);
  expect(peak).toBeLessThan(200 * 1024 * 1024);
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  expect(delay.percentile(99) / 1e6).toBeLessThan(500);
});

test("without credit a flood stands still in its pipe, and can be stopped", async () => {
  const { handle, run, pieces, file } = open({ logMaxBytes: 1024 * 1024 * 1024, credit: 10_000, givesBack: false });

  const ended = run(
    `echo $$ > ${file("pid")}; while :; do echo ${"x".repeat(900)}; echo $((count += 1)) > ${file("count")}; done`,
  );
  await waitForPid(file("pid"));
  const readCount = () => Number(readFileSync(file("count"), "utf8"));
  let seen = -1;
  await vi.waitFor(
    () => {
      const previous = seen;
      seen = readCount();
      expect(seen).toBeGreaterThan(200);
      expect(seen).toBe(previous);
    },
    { timeout: 20_000, interval: 300 },
  );
  expect(pieces.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThan(11_000);

  handle.stop("cancel", 0);
  expect(await ended).toMatchObject({ stoppedBy: "cancel" });
  await handle.close();
  expect(pieces.length).toBeGreaterThan(1);
}, 30_000);

test("when the runner dies its attempts are gone before they report it, and the next one works", async () => {
  const { handle, run, file } = open();
  const ended = run(`setsid sleep 300 & echo $! > ${file("pid")}; sleep 300`);
  const child = await waitForPid(file("pid"));
  const firstRunner = runnerPid();

  process.kill(firstRunner, "SIGKILL");

  expect(await ended).toMatchObject({ failure: { code: "runner_lost" } });
  expect(isAlive(child)).toBe(false);
  expect(await handle.close()).toEqual({ outputs: [], problem: null });
  expect(existsSync(handle.directories.base)).toBe(false);
  expect(await handle.startProcess({ file: "true", args: [], environment, cwd: "/" })).toMatchObject({
    failure: { code: "runner_lost" },
  });
  expect(await open().run("exit 4")).toMatchObject({ exitCode: 4 });
  expect(runnerPid()).not.toBe(firstRunner);
});

test("the runner itself kills everything when the lease passes (G4)", async () => {
  const { run, file } = open();
  const ended = run(`echo $$ > ${file("pid")}; sleep 300`);
  await waitForPid(file("pid"));

  client.setLease(50);

  expect(await ended).toMatchObject({ stoppedBy: "lease_lost", signal: "SIGKILL" });
});

test("a lease that is renewed in time kills nothing", async () => {
  const { run } = open();

  client.setLease(50);
  client.setLease(60_000);

  expect(await run("sleep 0.2")).toMatchObject({ stoppedBy: null, exitCode: 0 });
});

test("stopping kills what runs and ends the runner", async () => {
  const { run, file } = open();
  const ended = run(`setsid sleep 300 & echo $! > ${file("pid")}; sleep 300`);
  const child = await waitForPid(file("pid"));
  const runner = runnerPid();

  await client.stop();

  expect(await ended).toMatchObject({ failure: { code: "runner_lost" } });
  expect([isAlive(child), isAlive(runner)]).toEqual([false, false]);
});

/** A worker of its own, whose one attempt writes its pid and sleeps. */
function startVictim() {
  const clientModule = new URL("./runner-client.ts", import.meta.url).href;
  const program = `
    const { RunnerClient } = await import(${JSON.stringify(clientModule)});
    const logger = { info() {}, error() {}, warn() {} };
    const client = new RunnerClient({ dataDir: process.argv[1], environment: { PATH: "/usr/bin:/bin" }, logger });
    const handle = client.open({ token: "victim", logMaxBytes: 1e6, credit: 1e6, captureStdout: false, onLog() {} });
    await handle.startProcess({
      file: "bash",
      args: ["-c", "setsid sleep 300 & echo $! > " + process.argv[1] + "/pid; sleep 300"],
      environment: { PATH: "/usr/bin:/bin" },
      cwd: "/",
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", program, dataDir], {
    stdio: ["ignore", "inherit", "inherit"],
    cwd: process.cwd(),
  });
}

test("when the session process is killed the runner kills everything and ends", async () => {
  const victim = startVictim();
  const child = await waitForPid(join(dataDir, "pid"));
  const runner = runnerPid();

  victim.kill("SIGKILL");

  await vi.waitFor(() => expect([isAlive(child), isAlive(runner)]).toEqual([false, false]), patience);
});

test("when session and runner are killed together the next start finds and kills what they left (G4)", async () => {
  const victim = startVictim();
  const child = await waitForPid(join(dataDir, "pid"));
  const runner = runnerPid();
  process.kill(runner, "SIGSTOP");
  victim.kill("SIGKILL");
  await vi.waitFor(() => expect(readProcess(victim.pid ?? 0)?.isZombie ?? true).toBe(true), patience);
  expect(isAlive(child)).toBe(true);

  expect(await killLeftovers(dataDir, tell)).toEqual({ killed: 1, unsure: [] });

  expect([isAlive(child), isAlive(runner)]).toEqual([false, false]);
  expect(readdirSync(attemptsRoot(dataDir))).toEqual([]);
  expect(await killLeftovers(dataDir, tell)).toEqual({ killed: 0, unsure: [] });
});
