import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { findStaticBusybox } from "./static-program.ts";
import { findProgram } from "./find-program.ts";
import { saySkipped, saySkippedWithout } from "./skipped-tests.ts";

const tests = "tests of containers";
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
  readonly image: string;
  /** Put in front of PATH, so that the engine is the `podman` that a program finds. */
  readonly binDirectory: string;
  /** A folder of its own, for its HOME. */
  readonly directory: string;
  /** Names of containers, running or not. */
  containers(): readonly string[];
  dispose(): void;
}

const image = "localhost/millrace-test:1";

/** Null, with the reason on one line, where containers can't be tried. Under CI a program that is missing throws. */
export function openTestEngine(): TestEngine | null {
  const engine = findProgram("podman");
  const busybox = findStaticBusybox();
  if (engine === null || busybox === null) {
    const missing =
      engine === null ? "podman is not installed" : "there is no busybox without libraries (busybox-static)";
    saySkippedWithout(tests, missing);
    return null;
  }
  const directory = mkdtempSync(join(tmpdir(), "millrace-engine-"));
  const binDirectory = join(directory, "bin");
  makeTree(directory, busybox);
  let reason = "";
  for (const text of settings) {
    writeProgram(directory, { engine, text });
    const podman = join(binDirectory, "podman");
    spawnSync(podman, ["import", join(directory, "image.tar"), image], { stdio: "ignore" });
    const tried = spawnSync(podman, ["run", "--rm", "--network", "none", image, "true"], { encoding: "utf8" });
    reason = tried.stderr.trim();
    if (tried.status !== 0) continue;
    const containers = (): readonly string[] =>
      execFileSync(podman, ["ps", "--all", "--format", "{{.Names}}"], { encoding: "utf8" }).split("\n").filter(Boolean);
    const dispose = (): void => {
      spawnSync(podman, ["rm", "--force", "--all"]);
      rmSync(directory, { recursive: true, force: true });
    };
    return { image, binDirectory, directory, containers, dispose };
  }
  rmSync(directory, { recursive: true, force: true });
  saySkipped(tests, `podman runs none here: ${reason}`);
  return null;
}

/** The image holds a statically linked program, which needs nothing else. */
function makeTree(directory: string, busybox: string): void {
  const root = join(directory, "root");
  for (const folder of ["bin", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of applets) symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "etc/of-the-image"), "yes\n");
  execFileSync("tar", ["-C", root, "-cf", join(directory, "image.tar"), "."]);
}

/** A `podman` with storage of its own and these settings. */
function writeProgram(directory: string, { engine, text }: { engine: string; text: string }): void {
  const configuration = join(directory, "containers.conf");
  writeFileSync(configuration, text);
  mkdirSync(join(directory, "bin"), { recursive: true });
  const program = join(directory, "bin/podman");
  const storage = `--root ${directory}/storage --runroot ${directory}/run --storage-driver vfs`;
  const variables = text === "" ? "" : `CONTAINERS_CONF=${configuration} `;
  writeFileSync(program, `#!/bin/sh\nexec env ${variables}${engine} ${storage} "$@"\n`);
  chmodSync(program, 0o755);
}
