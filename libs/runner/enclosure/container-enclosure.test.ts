import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test, vi } from "vitest";
import { openTestEngine, type TestEngine } from "#testing/container-engine.ts";
import { openAttempt, useDataDir } from "../attempt-harness.testsuite.ts";
import type { AttemptLimits } from "../attempt-limits.ts";
import { killLeftovers } from "../leftovers.ts";
import { listProcesses } from "../process-table.ts";
import { removeOrphans } from "./container-owner.ts";
import type { ContainerEnclosure, ContainerTool } from "./enclosure.ts";
import { findContainerTool } from "./find-container-tool.ts";

const dataDir = useDataDir();
const engine = openTestEngine();
afterAll(() => engine?.dispose());

const noTool: ContainerTool = { kind: "podman", path: "", hasInit: false, environment: {}, user: { uid: 0, gid: 0 } };
const tool = engine === null ? noTool : await findTool(engine);

async function findTool({ binDirectory, directory }: TestEngine): Promise<ContainerTool> {
  const found = await findContainerTool({ PATH: `${binDirectory}:${process.env["PATH"] ?? ""}`, HOME: directory });
  if ("reason" in found) throw new Error(found.reason);
  return found;
}

function container(given: Partial<ContainerEnclosure> = {}): ContainerEnclosure {
  const plain = {
    kind: "container",
    network: "none",
    gpus: 0,
    mounts: [],
    dagDirectory: "",
    dataDirectory: "",
    pull: "never",
  } as const;
  return { ...plain, image: engine?.image ?? "", tool, ...given };
}

interface Given {
  readonly enclosure?: ContainerEnclosure;
  readonly limits?: Partial<AttemptLimits>;
  readonly environment?: Record<string, string>;
  readonly input?: string;
  readonly file?: string;
}

async function run(command: string, given: Given = {}) {
  const { enclosure = container(), limits = {}, environment = {}, ...more } = given;
  const opened = openAttempt({ enclosure, limits });
  const { attempt, directories, start, end, log } = opened;
  start(command, { file: "sh", environment: { OUT: directories.outputFile, ...environment }, ...more });
  const ended = await vi.waitFor(() => end(), { timeout: 30_000 });
  const kept = existsSync(`${directories.work}/kept`) ? readFileSync(`${directories.work}/kept`, "utf8") : null;
  const left = { containers: engine?.containers(), living: opened.living() };
  await attempt.close();
  return { ...ended, log: log(), kept, left, outputs: opened.closed()?.outputs };
}

const nothing = { containers: [], living: [] };

describe.skipIf(engine === null)("a process in a container", { timeout: 60_000 }, () => {
  test("sees its image, has the attempt's directories at their paths, and is gone at its end", async () => {
    const command = 'cat /etc/of-the-image; echo oops >&2; echo kept > kept; echo "a=1" >> "$OUT"; pwd';
    const found = await run(command);
    expect(found).toMatchObject({
      exitCode: 0,
      signal: null,
      failure: null,
      breach: null,
      kept: "kept\n",
      left: nothing,
    });
    expect(found.outputs).toEqual([{ key: "a", json: '"1"' }]);
    expect(found.log).toEqual(expect.arrayContaining(["stdout: yes", "stderr: oops"]));
    expect(found.log.some((line) => line.startsWith(`stdout: ${dataDir()}`) && line.endsWith("/work"))).toBe(true);
  });

  test("leaves what it writes to its log alone: its engine keeps nothing of it", async () => {
    const { attempt, start, end, log, directories } = openAttempt({ enclosure: container() });
    start("echo written; touch up; while [ ! -e go ]; do sleep 0.1; done", { file: "sh", environment: {} });
    await vi.waitFor(() => expect(existsSync(`${directories.work}/up`)).toBe(true), { timeout: 20_000 });
    const [name = ""] = engine?.containers() ?? [];
    const kept = spawnSync(tool.path, ["logs", name], { encoding: "utf8", env: tool.environment });
    writeFileSync(`${directories.work}/go`, "");
    await end();
    await attempt.close();
    expect(name).toMatch(/^millrace-/);
    expect(kept.stdout).toBe("");
    expect(log()).toContain("stdout: written");
  });

  test("ends with its own code, and reads its input", async () => {
    expect((await run("exit 7")).exitCode).toBe(7);
    expect((await run("cat", { input: "given" })).log).toContain("stdout: given");
  });

  test("a program that its image lacks is told by its name", async () => {
    const found = await run("true", { file: "no-such-shell" });
    expect(found).toMatchObject({ exitCode: 127, left: nothing });
    expect(found.stderrTail).toContain("no-such-shell");
  });

  test("an image that is not there is refused at once, without a container", async () => {
    const found = await run("true", { enclosure: container({ image: "localhost/nothing:9" }) });
    const message =
      "podman has no image localhost/nothing:9 on this worker, and `worker.container_pull` is never; load it, or allow pulling";
    expect(found).toMatchObject({ failure: { code: "image_missing", message, retryable: false }, left: nothing });
  });

  test("an image that can't be fetched is refused after one try, with what the engine says", async () => {
    const found = await run("true", { enclosure: container({ image: "127.0.0.1:1/nothing:9", pull: "missing" }) });
    expect(found.failure).toMatchObject({ code: "image_missing" });
    expect(found.failure).not.toHaveProperty("retryable");
    expect(found.failure?.message).toContain("podman can't get the image 127.0.0.1:1/nothing:9: ");
  });

  test("has the variables that it is given and nothing of the worker's, and none is on a command line", async () => {
    const { attempt, start, end, log, directories } = openAttempt({ enclosure: container() });
    start("env; touch up; while [ ! -e go ]; do sleep 0.1; done", { file: "sh", environment: { SECRET: "hunter 2" } });
    await vi.waitFor(() => expect(existsSync(`${directories.work}/up`)).toBe(true), { timeout: 20_000 });
    const lines = listProcesses().map(({ pid }) => readFile(`/proc/${pid}/cmdline`));
    writeFileSync(`${directories.work}/go`, "");
    await end();
    await attempt.close();
    const names = log().map((line) => line.replace(/^stdout: |=.*$/g, ""));
    expect(log()).toContain("stdout: SECRET=hunter 2");
    expect(names.filter((name) => /VITEST|NODE|CONTAINERS_CONF|proxy/i.test(name))).toEqual([]);
    expect(lines.filter((line) => line.includes("hunter 2"))).toEqual([]);
    expect(lines.some((line) => line.includes("--env-file"))).toBe(true);
  });

  test("a variable that would change the engine's own program stays in the container", async () => {
    const environment = { LD_PRELOAD: "/no/such.so", PATH: "/bin", CONTAINERS_CONF: "/no/such", HOME: "/nowhere" };
    expect(await run("echo $CONTAINERS_CONF $HOME", { environment })).toMatchObject({ exitCode: 0 });
  });

  test("a value with a line break is refused by its variable's name", async () => {
    expect((await run("true", { environment: { TEXT: "a\nb" } })).failure).toEqual({
      code: "configuration",
      message: "variable TEXT holds a line break, which no variable of a container can; pass the value in a file",
    });
  });

  test("reads the folder of its definition and the mounts that it is given, and writes only where it may", async () => {
    for (const name of ["dags", "in", "out, and more"]) mkdirSync(`${dataDir()}/${name}`);
    writeFileSync(`${dataDir()}/in/data`, "given");
    const mounts = [
      { source: `${dataDir()}/in`, target: "/in", readOnly: true },
      { source: `${dataDir()}/out, and more`, target: "/out", readOnly: false },
    ];
    const enclosure = container({ dagDirectory: `${dataDir()}/dags`, mounts });
    const found = await run(`cat /in/data > /out/copy; touch /in/more; touch ${dataDir()}/dags/more`, { enclosure });
    expect(readFileSync(`${dataDir()}/out, and more/copy`, "utf8")).toBe("given");
    expect(found.log.filter((line) => line.includes("Read-only file system"))).toHaveLength(2);
  });

  test("sees nothing of the data directory but its own, also where the definition's folder holds it", async () => {
    const parent = `${dataDir()}/..`;
    writeFileSync(`${dataDir()}/secret`, "seen");
    const command = `cat ${dataDir()}/secret; echo kept > kept; ls ${dataDir()}`;
    const given = { dagDirectory: realpathSync(parent), dataDirectory: dataDir() };
    const found = await run(command, { enclosure: container(given) });
    expect(found).toMatchObject({ exitCode: 0, kept: "kept\n" });
    expect(found.log.filter((line) => line.startsWith("stdout: "))).toEqual(["stdout: attempts"]);
    const shown = await run(command, { enclosure: container({ ...given, dataDirectory: "" }) });
    expect(shown.log.join("\n")).toContain("stdout: seen");
  });

  test("sees nothing of its host: no file, no process, no server on the loopback", async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const found = await run(
      `test -e /etc/shadow || test -e /work && echo file; ps | grep -q "[v]itest" && echo process; nc -w 2 127.0.0.1 ${port} && echo server; grep CapEff /proc/self/status; true`,
    );
    server.close();
    expect(found.log.filter((line) => /stdout: (file|process|server)/.test(line))).toEqual([]);
  });

  test("beyond its memory it is ended as out of memory", async () => {
    const found = await run("dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?", {
      limits: { memoryBytes: 32 * 2 ** 20 },
    });
    expect(found).toMatchObject({ exitCode: 137, breach: { code: "out_of_memory" }, left: nothing });
  });

  test("beyond its disk it is ended", async () => {
    const found = await run("dd if=/dev/zero of=big bs=1M count=20; sleep 60", { limits: { diskBytes: 2 ** 20 } });
    expect(found).toMatchObject({ breach: { code: "disk_limit" }, left: nothing });
  });
});

const stubborn = `trap "" TERM; (setsid sh -c 'trap "" TERM; touch up; while :; do sleep 1; done' &); while :; do sleep 1; done`;

describe.skipIf(engine === null)("the end of a container", { timeout: 60_000 }, () => {
  const open = async (command: string, enclosure = container()) => {
    const opened = openAttempt({ enclosure });
    opened.start(command, { file: "sh", environment: {} });
    await vi.waitFor(() => expect(existsSync(`${opened.directories.work}/up`)).toBe(true), { timeout: 20_000 });
    return opened;
  };

  test("a polite stop reaches the main process, which may clean up within the grace", async () => {
    const { attempt, end, directories } = await open(
      `trap 'echo cleaned > cleaned; exit 0' TERM; touch up; while :; do sleep 0.1; done`,
    );
    attempt.stop(30_000);
    expect(await vi.waitFor(() => end(), { timeout: 30_000 })).toMatchObject({ wasStopped: true });
    expect(readFileSync(`${directories.work}/cleaned`, "utf8")).toBe("cleaned\n");
    await attempt.close();
  });

  test("what ignores signals and left its session is dead after the grace, before the end is reported (G13)", async () => {
    const { attempt, end, living } = await open(stubborn);
    expect(living().length).toBeGreaterThan(1);
    attempt.stop(100);
    expect(await vi.waitFor(() => end(), { timeout: 30_000 })).toMatchObject({ wasStopped: true });
    expect(living()).toEqual([]);
    expect(engine?.containers()).toEqual([]);
    await attempt.close();
  });

  test("what a killed worker and runner left running ends at the next start (G4)", async () => {
    const { living } = await open(stubborn);
    expect(await killLeftovers(dataDir(), () => {})).toEqual({ killed: 1, unsure: [] });
    expect(living()).toEqual([]);
    expect(engine?.containers()).toEqual([]);
  });

  test("what a start left whose folders are gone is found by its labels, and another worker's goes on", async () => {
    const owner = { worker: "w1", home: "00ff" };
    const { living, attempt, end } = await open(stubborn, container({ owner }));
    expect(await removeOrphans(tool, { ...owner, worker: "w2" })).toEqual({ removed: 0, problem: null });
    expect(await removeOrphans(tool, { ...owner, home: "00" })).toEqual({ removed: 0, problem: null });
    expect(living().length).toBeGreaterThan(1);
    expect(await removeOrphans(tool, owner)).toEqual({ removed: 1, problem: null });
    expect(engine?.containers()).toEqual([]);
    await vi.waitFor(() => end(), { timeout: 30_000 });
    expect(living()).toEqual([]);
    await attempt.close();
  });

  test("a container whose engine's program was killed alone does not outlive its attempt", async () => {
    const { attempt, end, living } = await open(stubborn);
    for (const { pid } of listProcesses()) {
      if (readFile(`/proc/${pid}/cmdline`).includes("--env-file")) process.kill(pid, "SIGKILL");
    }
    expect(await vi.waitFor(() => end(), { timeout: 30_000 })).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    expect(living()).toEqual([]);
    expect(engine?.containers()).toEqual([]);
    await attempt.close();
  });
});

function readFile(path: string): string {
  try {
    return readFileSync(path, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
