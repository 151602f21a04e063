import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findEnclosuresOnce, findHostEnclosures } from "./host-enclosures.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-host-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program of a host that has nothing else. */
function program(name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const find = (more: Record<string, string> = {}) => findHostEnclosures({ PATH: folder, ...more });

describe("what a host can enclose", () => {
  test("is nothing where it has no programs, and each lack says what to install", async () => {
    expect(await find()).toEqual({
      capabilities: [],
      process: null,
      container: null,
      missing: {
        "network:none": "there is no program bwrap; install bubblewrap",
        "filesystem:confined": "there is no program bwrap; install bubblewrap",
        "network:outbound": "there is no program bwrap; install bubblewrap",
        container: "there is no program podman or docker; install one",
      },
    });
  });

  test("is not what a program promises that does not work here", async () => {
    program("bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
    program("slirp4netns", "exit 1");
    program("docker", "echo 'Cannot connect to the Docker daemon. Is it running?' >&2; exit 1");
    const { capabilities, missing } = await find();
    expect(capabilities).toEqual([]);
    expect(missing["network:none"]).toBe(
      `${folder}/bwrap does not work here: bwrap: No permissions to create new namespace`,
    );
    expect(missing.container).toBe(
      `${folder}/docker is there and can't be used: Cannot connect to the Docker daemon. Is it running?`,
    );
  });

  test("does without slirp4netns all but `outbound`", async () => {
    program("bwrap", "exit 0");
    const { capabilities, process, missing } = await find();
    expect(capabilities).toEqual(["network:none", "filesystem:confined"]);
    expect(process).toEqual({ bubblewrap: `${folder}/bwrap`, slirp4netns: null });
    expect(missing["network:outbound"]).toBe("there is no program slirp4netns; install it");
  });

  test("takes docker where podman does not answer", async () => {
    program("podman", "exit 125");
    program("docker", "echo docker-init");
    expect((await find()).container).toMatchObject({ kind: "docker", hasInit: true, path: `${folder}/docker` });
  });

  test("asks both engines at once, and takes podman without waiting for docker, which is not left behind", async () => {
    program("podman", `while [ ! -e ${folder}/asked ]; do :; done`);
    program("docker", `echo $$ > ${folder}/pid; : > ${folder}/asked; while :; do :; done`);
    expect((await find()).container).toMatchObject({ kind: "podman" });
    const docker = Number(readFileSync(join(folder, "pid"), "utf8"));
    await expect.poll(() => isAlive(docker)).toBe(false);
  });

  test("calls an engine with what it needs, and nothing of the worker's secrets", async () => {
    program("podman", "exit 0");
    const { container } = await find({ DOCKER_HOST: "unix:///a", DATABASE_URL: "postgres://x", https_proxy: "p" });
    expect(container?.environment).toEqual({ PATH: folder, DOCKER_HOST: "unix:///a", https_proxy: "p" });
  });
});

describe.runIf(process.platform === "linux")("what an earlier start has found", () => {
  const asked = (name: string): number => {
    const log = join(folder, `${name}.log`);
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0;
  };
  const counting = (name: string, script: string): void =>
    program(name, `echo asked >> ${folder}/${name}.log\n${script}`);
  const findOnce = (version = "1") =>
    findEnclosuresOnce({ PATH: folder }, { file: join(folder, "kept.json"), version });

  test("is not tried again until the version or a program is another", async () => {
    counting("podman", "exit 0");
    const first = await findOnce();
    expect(first.capabilities).toEqual(["container"]);
    expect(await findOnce()).toEqual(first);
    expect(asked("podman")).toBe(1);
    await findOnce("2");
    expect(asked("podman")).toBe(2);
    counting("podman", "exit 125");
    expect((await findOnce("2")).capabilities).toEqual([]);
  });

  test("spares the tries of processes where all of them worked", async () => {
    for (const name of ["bwrap", "slirp4netns"]) counting(name, "exit 1");
    const known = { processes: true, podman: null };
    const { capabilities, process: tools } = await findHostEnclosures({ PATH: folder }, known);
    expect(capabilities).toEqual(["network:none", "network:outbound", "filesystem:confined"]);
    expect(tools).toEqual({ bubblewrap: join(folder, "bwrap"), slirp4netns: join(folder, "slirp4netns") });
    expect([asked("bwrap"), asked("slirp4netns")]).toEqual([0, 0]);
  });

  test("is tried each time where it did not work, or a daemon has answered", async () => {
    counting("bwrap", "exit 1");
    counting("docker", "echo docker-init");
    await findOnce();
    const tries = asked("bwrap");
    await findOnce();
    expect([asked("bwrap"), asked("docker")]).toEqual([2 * tries, 2]);
    counting("bwrap", "exit 0");
    expect((await findOnce()).capabilities).toEqual(["container", "network:none", "filesystem:confined"]);
  });

  test("is tried where the file is broken, or has no folder", async () => {
    counting("podman", "exit 0");
    writeFileSync(join(folder, "kept.json"), "{");
    expect((await findOnce()).capabilities).toEqual(["container"]);
    const file = join(folder, "gone", "kept.json");
    expect((await findEnclosuresOnce({ PATH: folder }, { file, version: "1" })).capabilities).toEqual(["container"]);
  });
});
