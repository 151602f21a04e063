import { spawnSync } from "node:child_process";

/** What tests start, by the program that shows whether it is there. */
const packages: readonly { readonly program: string; readonly name: string; readonly use: string }[] = [
  { program: "java", name: "openjdk-17-jre-headless", use: "tests with Apache Kafka" },
  { program: "mvn", name: "maven", use: "tests with Apache Kafka" },
  { program: "pgbouncer", name: "pgbouncer", use: "tests with PgBouncer" },
  { program: "bwrap", name: "bubblewrap", use: "tests of enclosed processes" },
  { program: "slirp4netns", name: "slirp4netns", use: "tests of enclosed processes" },
  { program: "busybox", name: "busybox-static", use: "tests of containers" },
  { program: "podman", name: "podman", use: "tests of containers" },
  { program: "runc", name: "runc", use: "tests of containers" },
  { program: "mariadbd", name: "mariadb-server", use: "tests of the sql operator on MySQL" },
];

/** Installs what is missing where that needs no question: as root, on Debian and its kin. Elsewhere it says what to do. */
export function installDebianPackages(say: (line: string) => void): void {
  for (const { program, name, use } of packages) {
    if (isThere(program)) continue;
    if (process.getuid?.() !== 0 || !isThere("apt-get")) {
      say(`${program} is missing: install ${name} (or what your system calls it) for ${use}`);
      continue;
    }
    say(`installing ${name} for ${use}`);
    const isInstalled = runApt("install", "--yes", "--no-install-recommends", name);
    // A fresh machine has no lists of packages yet.
    const isLate = !isInstalled && runApt("update") && runApt("install", "--yes", "--no-install-recommends", name);
    if (!isInstalled && !isLate) say(`${name} could not be installed: see what is said of ${use} below`);
  }
}

function isThere(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

function runApt(...args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["--quiet", ...args], { env, stdio: "ignore" }).status === 0;
}
