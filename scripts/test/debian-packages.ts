import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { findProgram } from "#testing/find-program.ts";
import { findStaticBusybox } from "#testing/static-program.ts";

interface NeededProgram {
  /** Shows whether it is there. */
  readonly program: string;
  /** Packages that bring it, of which a release offers the one or the other. */
  readonly packages: readonly string[];
  readonly use: string;
}

/** What tests start. Of a database server it is the part without a service. */
const neededPrograms: readonly NeededProgram[] = [
  {
    program: "java",
    packages: ["openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"],
    use: "tests with Apache Kafka",
  },
  { program: "mvn", packages: ["maven"], use: "tests with Apache Kafka" },
  { program: "pgbouncer", packages: ["pgbouncer"], use: "tests with PgBouncer" },
  { program: "bwrap", packages: ["bubblewrap"], use: "tests of enclosed processes" },
  { program: "slirp4netns", packages: ["slirp4netns"], use: "tests of enclosed processes" },
  { program: "ip", packages: ["iproute2"], use: "tests of what enclosed processes reach" },
  { program: "busybox", packages: ["busybox-static"], use: "tests of containers" },
  { program: "podman", packages: ["podman"], use: "tests of containers" },
  { program: "runc", packages: ["runc"], use: "tests of containers" },
  { program: "mariadbd", packages: ["mariadb-server-core"], use: "tests of the sql operator on MySQL" },
  { program: "my_print_defaults", packages: ["mariadb-client-core"], use: "tests of the sql operator on MySQL" },
];

const stepLimitMs = 300_000;
const shownErrorLines = 10;
const options = ["Acquire::Retries=0", "Acquire::http::Timeout=15", "DPkg::Lock::Timeout=60"];

type Say = (line: string) => void;

/** Installs what is missing where that needs no question: as root, on Debian and its kin. Elsewhere it says what to do. */
export function installDebianPackages(say: Say): void {
  const missing = neededPrograms.filter(({ program }) =>
    program === "busybox" ? findStaticBusybox() === null : findProgram(program) === null,
  );
  if (missing.length === 0) return;
  if (!canInstallPrograms()) {
    for (const { program, packages, use } of missing)
      say(`${program} is missing: install ${packages[0]} (or what your system calls it) for ${use}`);
    return;
  }
  // A fresh machine has no lists of packages yet, and old lists name files that are gone.
  const isListed = missing.every((needed) => offeredPackage(needed) !== null);
  if (!isListed) update(say);
  if (!install(missing, say) && isListed && update(say)) install(missing, say);
}

function update(say: Say): boolean {
  say("reading the lists of packages");
  return runApt(["update"], say);
}

/** All at once; what no list names is left out, so that the others come. */
function install(missing: readonly NeededProgram[], say: Say): boolean {
  const names = [...new Set(missing.flatMap((needed) => offeredPackage(needed) ?? []))];
  for (const needed of missing.filter((one) => offeredPackage(one) === null))
    say(`no package of this system brings ${needed.program}, for ${needed.use}`);
  if (names.length === 0) return false;
  say(`installing what tests start, which may take minutes, only the first time: ${names.join(", ")}`);
  const startedAt = performance.now();
  if (!runApt(["install", "--yes", "--no-install-recommends", ...names], say)) return false;
  say(`installed in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  stopServices(names, say);
  return true;
}

function offeredPackage({ packages }: NeededProgram): string | null {
  const isOffered = (name: string): boolean =>
    /^ {2}Candidate: (?!\(none\))/m.test(run("apt-cache", ["policy", name]).stdout);
  return packages.find(isOffered) ?? null;
}

/** Tests start servers of their own: what the packages would start now and with the system is stopped and disabled. */
function stopServices(names: readonly string[], say: Say): void {
  const files = run("dpkg", ["-L", ...names]).stdout.split("\n");
  if (!existsSync("/run/systemd/system")) {
    for (const script of files.filter((file) => file.startsWith("/etc/init.d/"))) run(script, ["stop"]);
    return;
  }
  const units = files
    .filter((file) => /\/systemd\/system\/[^/@]+\.(?:service|socket|timer)$/.test(file))
    .map((file) => basename(file));
  if (units.length === 0) return;
  run("systemctl", ["disable", "--now", ...units]);
  say(`stopped and disabled, since tests start their own: ${units.join(", ")}`);
}

/** Says the end of what apt complains of when it fails. */
function runApt(args: readonly string[], say: Say): boolean {
  const { status, stderr, error } = run("apt-get", [
    "--quiet",
    ...options.flatMap((option) => ["-o", option]),
    ...args,
  ]);
  if (status === 0) return true;
  const last = stderr.trim().split("\n").slice(-shownErrorLines);
  say(
    `apt-get ${args[0]} failed${error === undefined ? "" : ` (${error.message})`}: see below what is skipped, or fails`,
  );
  for (const line of last) say(`      ${line}`);
  return false;
}

function run(command: string, args: readonly string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  return spawnSync(command, args, { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", timeout: stepLimitMs });
}

/** Whether programs are installed without a question: as root, on Debian and its kin. */
function canInstallPrograms(): boolean {
  return process.getuid?.() === 0 && findProgram("apt-get") !== null;
}
