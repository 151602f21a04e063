import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findHostEnclosures } from "./host-enclosures.ts";

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

  test("asks both engines at once, and takes podman without waiting for docker", async () => {
    program("podman", `while [ ! -e ${folder}/asked ]; do :; done`);
    program("docker", `: > ${folder}/asked; while :; do :; done`);
    expect((await find()).container).toMatchObject({ kind: "podman" });
  });

  test("calls an engine with what it needs, and nothing of the worker's secrets", async () => {
    program("podman", "exit 0");
    const { container } = await find({ DOCKER_HOST: "unix:///a", DATABASE_URL: "postgres://x", https_proxy: "p" });
    expect(container?.environment).toEqual({ PATH: folder, DOCKER_HOST: "unix:///a", https_proxy: "p" });
  });
});
