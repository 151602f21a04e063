/** The parts of package-lock.json (version 3) that completing it needs; entries are keyed by their path. */
export interface LockFile {
  packages: Record<string, LockEntry>;
  [key: string]: unknown;
}

export interface LockEntry {
  version?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
  [key: string]: unknown;
}

interface Platform {
  os: string | null;
  cpu: string | null;
  libc: string | null;
}

const SYSTEMS: Readonly<Record<string, string>> = {
  aix: "aix",
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  netbsd: "netbsd",
  openbsd: "openbsd",
  openharmony: "openharmony",
  sunos: "sunos",
  win32: "win32",
  windows: "win32",
};

const PROCESSORS: Readonly<Record<string, string>> = {
  aarch64: "arm64",
  arm: "arm",
  arm64: "arm64",
  armv7: "arm",
  ia32: "ia32",
  loong64: "loong64",
  mips64el: "mips64el",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};

const LIBRARIES: Readonly<Record<string, string>> = {
  gnu: "glibc",
  gnueabihf: "glibc",
  musl: "musl",
  musleabihf: "musl",
};

const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/**
 * Adds an entry for each optional dependency that the lock names without describing it, and returns the added paths.
 * A registry that lacks a system's packages makes npm leave them out, and `npm ci` then refuses the file on every
 * system. The entry holds the exact version, `optional`, the parent's `dev` and the platform that its name tells.
 */
export function completeLockFile(lock: LockFile): string[] {
  const added: string[] = [];
  for (const [parentPath, parent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (resolveEntry(lock, parentPath, name) !== null) continue;
      const path = `node_modules/${name}`;
      lock.packages[path] = createEntry(name, version, parent);
      added.push(path);
    }
  }
  if (added.length > 0) lock.packages = sortByPath(lock.packages);
  return added;
}

/** The paths of entries that name the host they came from; such a file works only where that host is reachable. */
export function findResolvedHosts(lock: LockFile): string[] {
  return Object.entries(lock.packages)
    .filter(([, entry]) => entry.resolved !== undefined)
    .map(([path]) => path);
}

/** Looks for a package as Node does: below the parent, then below each folder above it. */
function resolveEntry(lock: LockFile, parentPath: string, name: string): string | null {
  let folder = parentPath;
  for (;;) {
    const path = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (path in lock.packages) return path;
    if (folder === "") return null;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")));
  }
}

function createEntry(name: string, version: string, parent: LockEntry): LockEntry {
  if (!EXACT_VERSION.test(version)) {
    throw new Error(`${name} has no entry and its version ${version} is a range: install it once from a full registry`);
  }
  const { os, cpu, libc } = parsePlatform(name);
  return {
    version,
    ...(cpu === null ? {} : { cpu: [cpu] }),
    ...(parent.dev === true ? { dev: true } : {}),
    ...(libc === null ? {} : { libc: [libc] }),
    optional: true,
    ...(os === null ? {} : { os: [os] }),
  };
}

/** Reads system, processor and C library from a name like `@scope/binding-linux-arm64-musl`; null where it says nothing. */
function parsePlatform(name: string): Platform {
  const platform: Platform = { os: null, cpu: null, libc: null };
  for (const word of name.split(/[/-]/)) {
    platform.os ??= SYSTEMS[word] ?? null;
    platform.cpu ??= PROCESSORS[word] ?? null;
    platform.libc ??= LIBRARIES[word] ?? null;
  }
  return platform;
}

function sortByPath(packages: Record<string, LockEntry>): Record<string, LockEntry> {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
}
