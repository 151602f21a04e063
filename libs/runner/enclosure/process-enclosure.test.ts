import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { openAttempt, useDataDir, waitForFile } from "../attempt-harness.testsuite.ts";
import { systemPath } from "../find-executable.ts";
import type { ProcessEnclosure, ProcessTools } from "./enclosure.ts";
import { findTestEnclosures } from "./host-enclosures.testsuite.ts";

const dataDir = useDataDir();
const host = await findTestEnclosures();

const noTools: ProcessTools = { bubblewrap: "", slirp4netns: null };

function enclose(given: Partial<ProcessEnclosure> = {}): ProcessEnclosure {
  const open = {
    kind: "process",
    network: "full",
    filesystem: "open",
    readable: [],
    dagDirectory: "",
    dataDirectory: "",
  } as const;
  return { ...open, tools: host.process ?? noTools, ...given };
}

async function run(
  enclosure: ProcessEnclosure,
  command: string,
  more: { cwd?: string; file?: string; environment?: Record<string, string> } = {},
) {
  const opened = openAttempt({ enclosure });
  const { attempt, directories, start, end, log } = opened;
  const environment = {
    PATH: "/usr/bin:/bin",
    OUT: directories.outputFile,
    WORK: directories.work,
    ...more.environment,
  };
  start(command, { ...more, environment });
  const ended = await end();
  const living = opened.living();
  const kept = existsSync(`${directories.work}/kept`) ? readFileSync(`${directories.work}/kept`, "utf8") : null;
  await attempt.close();
  return { ...ended, log: log(), living, kept, outputs: opened.closed()?.outputs };
}

const python = (code: string): string => `python3 -c '${code}'`;
const connect = (address: string, port: number): string =>
  python(`import socket; socket.create_connection(("${address}", ${port}), 3).close(); print("connected")`);

async function withServer<T>(address: string, use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe.skipIf(host.process === null)("a confined process", () => {
  const confined = enclose({ filesystem: "confined" });

  test("writes its own directories and its output, and starts in the working directory", async () => {
    const found = await run(confined, 'pwd; echo kept > kept; touch "$TMPDIR_OWN/x" /tmp/y; echo "a=1" >> "$OUT"', {
      environment: { TMPDIR_OWN: "/tmp" },
    });
    expect(found).toMatchObject({ exitCode: 0, kept: "kept\n", outputs: [{ key: "a", json: '"1"' }], living: [] });
  });

  test.each([
    ["/", "touch /escaped"],
    ["/usr", "touch /usr/escaped"],
    ["/etc", "touch /etc/escaped"],
    ["/var/tmp", "mkdir -p /var/tmp/escaped"],
    ["the code", 'touch "$WORK/../code/escaped"'],
  ])("can't write to %s", async (_, command) => {
    expect(await run(confined, command)).toMatchObject({ failure: null });
    expect((await run(confined, command)).exitCode).not.toBe(0);
  });

  test("writes nothing beside its directories, though it may seem so to it", async () => {
    await run(confined, `touch ${dataDir()}/attempts/escaped ${dataDir()}/escaped "$WORK/../escaped" || true`);
    expect(existsSync(`${dataDir()}/escaped`)).toBe(false);
    expect(readdirSync(`${dataDir()}/attempts`)).toEqual([]);
  });

  test.each(["/etc/shadow", "/etc/ssh", "/root/.bashrc", "/home", "/var/lib", "/run", "/sys/kernel"])(
    "does not see %s",
    async (path) => {
      expect(await run(confined, `test -e ${path}`)).toMatchObject({ exitCode: 1, signal: null });
    },
  );

  test("sees no process but its own", async () => {
    const found = await run(
      confined,
      "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c VITEST || true; ls -d /proc/[0-9]* | wc -l",
    );
    const [seen, count] = found.log.filter((line) => line.startsWith("stdout: ")).map((line) => Number(line.slice(8)));
    expect(seen).toBe(0);
    expect(count).toBeLessThan(8);
  });

  test("has no privilege, even when the worker is root", async () => {
    const found = await run(confined, "grep CapEff /proc/self/status; mount -t tmpfs none /mnt 2>&1 || echo refused");
    expect(found.log).toContain("stdout: CapEff:\t0000000000000000");
    expect(found.log).toContain("stdout: refused");
  });

  test("reads what it is allowed to, and can't write it", async () => {
    const folder = `${dataDir()}/given`;
    mkdirSync(folder);
    writeFileSync(`${folder}/data`, "seen");
    const allowed = enclose({ filesystem: "confined", readable: [folder] });
    expect((await run(allowed, `cat ${folder}/data`)).log).toContain("stdout: seen");
    expect((await run(allowed, `touch ${folder}/more`)).exitCode).toBe(1);
    expect((await run(confined, `cat ${folder}/data`)).exitCode).toBe(1);
  });

  test("starts in the folder of its definition, which it only reads", async () => {
    const folder = `${dataDir()}/dags`;
    mkdirSync(folder);
    const inFolder = enclose({ filesystem: "confined", dagDirectory: folder });
    expect((await run(inFolder, "pwd", { cwd: folder })).log).toContain(`stdout: ${folder}`);
    expect((await run(inFolder, "touch more", { cwd: folder })).exitCode).toBe(1);
  });

  test("sees nothing of the data directory but its own, also where that lies within what it is given", async () => {
    writeFileSync(`${dataDir()}/secret`, "seen");
    mkdirSync(`${dataDir()}/dags`);
    writeFileSync(`${dataDir()}/dags/of-the-dag`, "");
    const given = { filesystem: "confined", dagDirectory: dirname(dataDir()) } as const;
    const command = `cat ${dataDir()}/secret; ls ${dataDir()}; touch ${dataDir()}/more; echo kept > "$WORK/kept"`;
    const hidden = await run(enclose({ ...given, dataDirectory: dataDir() }), command);
    expect(hidden).toMatchObject({ exitCode: 0, kept: "kept\n" });
    expect(hidden.log.filter((line) => line.startsWith("stdout: "))).toEqual(["stdout: attempts"]);
    expect(hidden.log.join("\n")).toContain("Read-only file system");
    expect((await run(enclose(given), command)).log.join("\n")).toContain("stdout: seen");
    const dags = `${dataDir()}/dags`;
    const within = enclose({ filesystem: "confined", dagDirectory: dags, dataDirectory: dataDir() });
    expect((await run(within, `ls ${dags}; cat ${dataDir()}/secret`)).log).toContain("stdout: of-the-dag");
  });

  test("is refused what no attempt may read, by its name", async () => {
    const found = await run(enclose({ filesystem: "confined", readable: ["/proc"] }), "true");
    expect(found.failure).toMatchObject({ code: "permission_denied" });
    expect(found.failure?.message).toContain("allow_paths names /proc,");
  });

  test("is refused where its folders are not there or not allowed, with their names", async () => {
    const missing = await run(enclose({ filesystem: "confined", readable: ["/no/such"] }), "true");
    expect(missing.failure).toEqual({
      code: "not_found",
      message: "allow_paths names /no/such, which does not exist on this worker",
    });
    const elsewhere = await run(confined, "true", { cwd: "/var" });
    expect(elsewhere.failure?.message).toBe("a confined process can't start in /var; name the folder in allow_paths");
    const program = await run(confined, "true", { file: "/proc/self/exe" });
    expect(program.failure?.message).toContain("a confined process does not see its program");
  });

  test("finds the programs of the system where it sees no folder of PATH", async () => {
    const found = await run(confined, "echo $PATH", { environment: { PATH: `${dataDir()}:bin` } });
    expect(found.log).toContain(`stdout: ${systemPath}`);
  });

  test("finds programs along those folders of PATH that it sees", async () => {
    const environment = { PATH: `${dataDir()}:bin:/usr/bin:${dataDir()}/bin:/bin` };
    expect((await run(confined, "echo $PATH", { environment })).log).toContain("stdout: /usr/bin:/bin");
  });

  test("gets its variables, and no program that encloses it does", async () => {
    const found = await run(confined, 'echo "$SECRET"; cat /proc/1/environ | tr "\\0" "\\n"', {
      environment: { SECRET: "a\nb", LD_PRELOAD: "/no/such.so" },
    });
    const own = found.log.filter((line) => line.startsWith("stdout: "));
    expect(own.slice(0, 2)).toEqual(["stdout: a", "stdout: b"]);
    expect(own.filter((line) => line.includes("SECRET") || line.includes("LD_PRELOAD="))).toEqual([]);
  });

  test("dies with all that it left behind, also what ignores signals and has a session of its own", async () => {
    const { attempt, start, end, living, directories } = openAttempt({ enclosure: confined });
    const left = `(trap "" TERM; env -i setsid /bin/sh -c "trap '' TERM; touch ${directories.work}/up; while :; do sleep 1; done" >/dev/null 2>&1 &)`;
    start(`${left}; trap "" TERM; while :; do sleep 1; done`);
    await waitForFile(`${directories.work}/up`);
    attempt.stop(50);
    expect(await end()).toMatchObject({ wasStopped: true });
    expect(living()).toEqual([]);
    await attempt.close();
  });

  test("gets the polite signal and its grace", async () => {
    const { attempt, start, end, directories } = openAttempt({ enclosure: confined });
    start(`trap 'sleep 0.2; echo cleaned > cleaned; exit 0' TERM; touch up; while :; do sleep 0.02; done`);
    await waitForFile(`${directories.work}/up`);
    attempt.stop(20_000);
    await end();
    expect(readFileSync(`${directories.work}/cleaned`, "utf8")).toBe("cleaned\n");
    await attempt.close();
  });
});

describe.skipIf(host.process === null)("a process without a network", () => {
  const apart = enclose({ network: "none" });

  test("reaches no server of its host, which an open one does", async () => {
    await withServer("127.0.0.1", async (port) => {
      expect((await run(apart, connect("127.0.0.1", port))).exitCode).toBe(1);
      expect((await run(enclose(), connect("127.0.0.1", port))).log).toContain("stdout: connected");
    });
  });

  test("has a loopback of its own, and the host's files", async () => {
    const code =
      'import socket as s; a=s.create_server(("127.0.0.1",0)); s.create_connection(a.getsockname()); print("connected")';
    expect((await run(apart, python(code))).log).toContain("stdout: connected");
    expect((await run(apart, `touch ${dataDir()}/outside`)).exitCode).toBe(0);
    expect(existsSync(`${dataDir()}/outside`)).toBe(true);
  });

  test("can't go back to the network of its host", async () => {
    expect(
      (await run(apart, "nsenter --target 1 --net true || nsenter --net=/proc/1/ns/net ip link set lo down")).exitCode,
    ).not.toBe(0);
  });
});

describe.skipIf(!host.capabilities.includes("network:outbound"))("a process that may only reach outside", () => {
  const outbound = enclose({ network: "outbound" });
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === "IPv4" && !found.internal);

  test("reaches no loopback server of its host, by either of its names", async () => {
    await withServer("127.0.0.1", async (port) => {
      expect((await run(outbound, connect("127.0.0.1", port))).exitCode).toBe(1);
      expect((await run(outbound, connect("10.0.2.2", port))).exitCode).toBe(1);
    });
  });

  test.skipIf(outside === undefined)("reaches servers that listen to the outside", async () => {
    const address = outside?.address ?? "";
    await withServer(address, async (port) => {
      expect((await run(outbound, connect(address, port))).log).toContain("stdout: connected");
    });
  });

  test("leaves nothing behind, the helper that connects it neither", async () => {
    expect(await run(outbound, "true")).toMatchObject({ exitCode: 0, living: [] });
  });

  test("that ends at the polite signal is not waited for until the end of its grace", async () => {
    const { attempt, start, end, living, directories } = openAttempt({ enclosure: outbound });
    start("touch up; exec sleep 600", { environment: { PATH: "/usr/bin:/bin" } });
    await waitForFile(`${directories.work}/up`);
    attempt.stop(600_000);
    expect(await end()).toMatchObject({ wasStopped: true });
    expect(living()).toEqual([]);
    await attempt.close();
  });

  test("has its network until it has cleaned up, also where it closes what it was given", async () => {
    const { attempt, start, end, directories } = openAttempt({ enclosure: outbound });
    const clean = "sleep 0.3; cat /proc/net/dev > cleaned; exit 0";
    start(`exec 3>&- 4>&- 5>&-; trap '${clean}' TERM; touch up; while :; do sleep 0.02; done`);
    await waitForFile(`${directories.work}/up`);
    attempt.stop(600_000);
    await end();
    expect(readFileSync(`${directories.work}/cleaned`, "utf8")).toContain("tap0");
    await attempt.close();
  });

  test("may be confined as well", async () => {
    const both = enclose({ network: "outbound", filesystem: "confined" });
    expect((await run(both, "test -e /etc/shadow")).exitCode).toBe(1);
    expect((await run(both, "ls /sys/class/net 2>/dev/null; cat /proc/net/dev")).log.join("\n")).toContain("tap0");
  });
});
