import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import type { ContainerTool } from "./enclosure.ts";
import { findContainerTool } from "./find-container-tool.ts";

/** Statically linked, so that an image needs nothing else. */
const busybox = "/bin/busybox";
const applets = [
  "cat",
  "dd",
  "echo",
  "env",
  "id",
  "ls",
  "nc",
  "ps",
  "pwd",
  "setsid",
  "sh",
  "sleep",
  "test",
  "touch",
  "true",
];

/** Podman as it is, and as it works for root without the right to raise limits. */
const settings: readonly string[] = [
  "",
  '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n',
];

/** The engine of the tests, with storage of its own and an image that holds busybox alone. */
export interface TestEngine {
  readonly tool: ContainerTool;
  readonly image: string;
  /** Put in front of PATH, so that the engine is the `podman` that a program finds. */
  readonly binDirectory: string;
  /** Names of containers, running or not. */
  containers(): readonly string[];
  dispose(): void;
}

const image = "localhost/millrace-test:1";

/** Null, with the reason on the console, where containers can't be tried. */
export async function openTestEngine(): Promise<TestEngine | null> {
  if (!existsSync("/usr/bin/podman") || !existsSync(busybox)) return skip("podman or busybox-static is not installed");
  const directory = mkdtempSync(join(tmpdir(), "millrace-engine-"));
  const binDirectory = join(directory, "bin");
  makeTree(directory);
  let reason = "";
  for (const text of settings) {
    writeProgram(directory, text);
    const podman = join(binDirectory, "podman");
    spawnSync(podman, ["import", join(directory, "image.tar"), image], { stdio: "ignore" });
    const tried = spawnSync(podman, ["run", "--rm", "--network", "none", image, "true"], { encoding: "utf8" });
    reason = tried.stderr.trim();
    if (tried.status !== 0) continue;
    const tool = await findContainerTool({ PATH: `${binDirectory}:${process.env["PATH"] ?? ""}`, HOME: directory });
    if ("reason" in tool) return skip(tool.reason);
    const containers = (): readonly string[] =>
      execFileSync(podman, ["ps", "--all", "--format", "{{.Names}}"], { encoding: "utf8" }).split("\n").filter(Boolean);
    const dispose = (): void => {
      spawnSync(podman, ["rm", "--force", "--all"]);
      rmSync(directory, { recursive: true, force: true });
    };
    return { tool, image, binDirectory, containers, dispose };
  }
  rmSync(directory, { recursive: true, force: true });
  return skip(reason);
}

function skip(reason: string): null {
  console.warn(`containers are not tested here: ${reason}`);
  return null;
}

function makeTree(directory: string): void {
  const root = join(directory, "root");
  for (const folder of ["bin", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of applets) symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "etc/of-the-image"), "yes\n");
  execFileSync("tar", ["-C", root, "-cf", join(directory, "image.tar"), "."]);
}

/** A `podman` with storage of its own and these settings. */
function writeProgram(directory: string, text: string): void {
  const configuration = join(directory, "containers.conf");
  writeFileSync(configuration, text);
  mkdirSync(join(directory, "bin"), { recursive: true });
  const program = join(directory, "bin/podman");
  const storage = `--root ${directory}/storage --runroot ${directory}/run --storage-driver vfs`;
  const variables = text === "" ? "" : `CONTAINERS_CONF=${configuration} `;
  writeFileSync(program, `#!/bin/sh\nexec env ${variables}/usr/bin/podman ${storage} "$@"\n`);
  chmodSync(program, 0o755);
}
