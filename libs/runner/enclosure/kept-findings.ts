import { createHash } from "node:crypto";
import { readlinkSync, statSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { findExecutable } from "../find-executable.ts";
import { readText } from "../read-text.ts";
import { toolEnvironment } from "./tool-environment.ts";

/** What was found and holds until the machine or its programs change. What a daemon answers, or is missing, does not. */
export interface Findings {
  /** Processes can be enclosed in every way. */
  readonly processes: boolean;
  /** Null: it did not answer. */
  readonly podman: { readonly hasInit: boolean } | null;
}

const programs: readonly string[] = ["bwrap", "slirp4netns", "podman"];
/** What the kernel lets this process do, and where it sees the machine from. */
const kernelFiles: readonly string[] = [
  "/proc/sys/user/max_user_namespaces",
  "/proc/sys/kernel/unprivileged_userns_clone",
  "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
];
const namespaces: readonly string[] = ["mnt", "user", "pid", "net"];
const ownRights = /^(?:CapEff|CapBnd|NoNewPrivs|Seccomp):.*$/gm;

/**
 * Names all that the tries of a host's programs follow from: the start of the machine, the version of this program, the
 * programs, the variables, the user, and what the kernel lets it do. Null where a start of the machine has no name.
 */
export function hostKey(host: Readonly<Record<string, string | undefined>>, version: string): string | null {
  const boot = readText("/proc/sys/kernel/random/boot_id");
  if (boot === null) return null;
  const facts = [
    ...[boot, version, process.getuid?.(), process.getgid?.()],
    programs.map((name) => describeProgram(name, host["PATH"] ?? "")),
    Object.entries(toolEnvironment(host)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    kernelFiles.map((path) => readText(path)),
    namespaces.map(readNamespace),
    readText("/proc/self/status")?.match(ownRights),
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** What was kept under this key; null: nothing, or it can't be read. */
export async function readFindings(file: string, key: string): Promise<Findings | null> {
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as { readonly key?: unknown } & Partial<Findings>;
    if (kept.key !== key) return null;
    const hasInit = kept.podman?.hasInit;
    return { processes: kept.processes === true, podman: typeof hasInit === "boolean" ? { hasInit } : null };
  } catch {
    return null;
  }
}

/** Where it can't be written the next start tries again. */
export async function keepFindings(file: string, key: string, findings: Findings): Promise<void> {
  const next = `${file}.${process.pid}`;
  try {
    await writeFile(next, JSON.stringify({ key, ...findings }), { mode: 0o600 });
    await rename(next, file);
  } catch {
    // The folder may be gone, or full: nothing depends on this file.
  }
}

function readNamespace(name: string): string | null {
  try {
    return readlinkSync(`/proc/self/ns/${name}`);
  } catch {
    return null;
  }
}

function describeProgram(name: string, searchPath: string): readonly unknown[] {
  const found = findExecutable(name, { searchPath, cwd: "/" });
  if (!("path" in found)) return [name];
  const { mtimeMs, size, ino } = statSync(found.path);
  return [found.path, mtimeMs, size, ino];
}
