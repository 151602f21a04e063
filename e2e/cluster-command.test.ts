import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { cleanEnvironment } from "#testing/cluster/child.ts";
import { findFreePort } from "#testing/free-port.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { runCli } from "./harness/run-cli.ts";
import { type ProgramResult, runProgram } from "./harness/run-program.ts";

const command = fileURLToPath(new URL("../scripts/cluster", import.meta.url));

/** A folder and a port of the test's own. */
async function preparePlace() {
  const folder = await mkdtemp(join(tmpdir(), "millrace-up-"));
  // The database runs under another account when we are root.
  await chmod(folder, 0o711);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  return { folder, port, server: `http://127.0.0.1:${port}` };
}

interface Keeper {
  readonly child: ChildProcess;
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  readonly output: () => string;
}

/** `scripts/cluster up` in a process group of its own, as at a terminal; resolves when the cluster runs. */
async function up({ folder, port }: { folder: string; port: number }, ...flags: readonly string[]): Promise<Keeper> {
  const args = ["up", "--data", folder, "--port", String(port), ...flags];
  const child = spawn(command, args, { env: cleanEnvironment(), stdio: ["ignore", "pipe", "pipe"], detached: true });
  onTestFinished(() => void (child.exitCode ?? child.kill("SIGKILL")));
  const exited = once(child, "exit") as Keeper["exited"];
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const isDecided = (): boolean => child.exitCode !== null || /^end  /m.test(output);
  await expect.poll(isDecided, { timeout: 90_000 }).toBe(true);
  expect(output).toMatch(/^end  /m);
  return { child, exited, output: () => output };
}

function cluster(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram(command, args);
}

/** What `status` shows: the second column by the first. */
async function readStatus(folder: string): Promise<ReadonlyMap<string, string>> {
  const { exitCode, stdout } = await cluster("status", "--data", folder);
  expect(exitCode).toBe(0);
  const rows = [...stdout.matchAll(/^([a-z]+-\d+) +(\d+|ended) /gm)];
  return new Map(rows.map(([, name = "", pid = ""]) => [name, pid]));
}

/** Command lines of this machine that name the folder, and those of the given numbers. */
async function findProcesses(folder: string, pids: readonly string[]): Promise<readonly string[]> {
  const processes = existsSync("/proc/self/cmdline") ? await readProc() : await readPs();
  return processes.flatMap(([pid, line]) => (line.includes(folder) || pids.includes(pid) ? [line] : []));
}

type ProcessLine = readonly [pid: string, commandLine: string];

async function readProc(): Promise<readonly ProcessLine[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const read = (pid: string): Promise<string> => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const lines = await Promise.all(pids.map(async (pid) => [pid, (await read(pid)).replaceAll("\0", " ")] as const));
  return lines.filter(([, line]) => line !== "");
}

async function readPs(): Promise<readonly ProcessLine[]> {
  const { stdout } = await runProgram("ps", ["-ww", "-axo", "pid=,command="]);
  return [...stdout.matchAll(/^ *(\d+) (.*)$/gm)].map(([, pid = "", line = ""]) => [pid, line]);
}

describe("scripts/cluster", () => {
  test.skipIf(skipsWithoutKafka())(
    "runs workflows over a broker, also when a worker was killed, and leaves no process behind after Ctrl-C",
    async () => {
      const place = await preparePlace();
      const keeper = await up(place, "--brokers", "1");
      const status = await readStatus(place.folder);
      expect([...status.keys()]).toEqual([
        ...["parser-1", "scheduler-1", "executor-1", "executor-2", "worker-1", "worker-2", "gateway-1", "kafka-1"],
      ]);
      const trigger = (): Promise<ProgramResult> =>
        runCli(["trigger", "quickstart", "--follow", "--server", place.server]);
      expect(await trigger()).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/success quickstart .*: 4 success/),
      });

      process.kill(Number(status.get("worker-2")), "SIGKILL");
      await expect
        .poll(keeper.output, { timeout: 10_000 })
        .toContain("worker-2 was killed; the others go on without it");
      expect(await trigger()).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/success quickstart .*: 4 success/),
      });
      expect((await readStatus(place.folder)).get("worker-2")).toBe("ended");

      process.kill(-(keeper.child.pid ?? 0), "SIGINT");
      expect(await keeper.exited).toEqual([0, null]);
      expect(keeper.output()).toMatch(/everything has stopped\n$/);
      expect(await findProcesses(place.folder, [...status.values()])).toEqual([]);
      const { exitCode, stdout } = await cluster("status", "--data", place.folder);
      expect({ exitCode, stdout }).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining("no cluster runs in"),
      });
    },
  );

  test("ends when it is killed, knows its runs at the next start, and ends from another terminal", async () => {
    const place = await preparePlace();
    const killed = await up(place, "--brokers", "0");
    await runCli(["trigger", "quickstart", "--wait", "--server", place.server]);
    const status = await readStatus(place.folder);
    const second = await cluster("up", "--brokers", "0", "--data", place.folder, "--port", String(place.port));
    expect(second).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^process \d+ keeps a cluster in .* already/),
    });
    killed.child.kill("SIGKILL");
    await expect.poll(() => findProcesses(place.folder, [...status.values()]), { timeout: 20_000 }).toEqual([]);

    const next = await up(place, "--brokers", "0", "--executors", "1", "--workers", "1");
    const { stdout } = await runCli(["runs", "--dag", "quickstart", "--server", place.server]);
    expect(stdout).toMatch(/quickstart__\S+ .*success/);
    expect(await cluster("down", "--data", place.folder)).toMatchObject({ exitCode: 0 });
    expect(await next.exited).toEqual([0, null]);
    expect(await findProcesses(place.folder, [])).toEqual([]);
  });

  test("says which package brings what a broker needs, and how to do without", async () => {
    const place = await preparePlace();
    await writeFile(join(place.folder, "java"), `#!/bin/sh\necho 'openjdk version "11.0.1"' >&2\n`, { mode: 0o755 });
    const environment = { PATH: `${place.folder}:${process.env["PATH"]}` };
    const { exitCode, stderr } = await runProgram(command, ["up", "--data", place.folder], { environment });
    expect(exitCode).toBe(127);
    expect(stderr).toContain(
      "java 11 is too old: install Java 17 or newer (Debian and Ubuntu: openjdk-17-jre-headless",
    );
    expect(stderr).toContain("scripts/cluster up --brokers 0");
  });

  test("starts nothing when the gateway's port is taken, or an argument is wrong", async () => {
    const place = await preparePlace();
    const holder = spawn(process.execPath, [
      "-e",
      `require("net").createServer().listen(${place.port},"127.0.0.1",()=>console.log())`,
    ]);
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, "data");
    const taken = await cluster("up", "--brokers", "0", "--data", place.folder, "--port", String(place.port));
    expect(taken).toMatchObject({
      exitCode: 1,
      stderr: `port ${place.port} is in use: choose another for the gateway with --port\n`,
    });
    expect(await cluster("up", "--worker", "2")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--help"),
    });
    expect(await cluster("--help")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("--brokers N") });
  });
});
