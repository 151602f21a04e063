import { createHash } from "node:crypto";
import { access, chown, constants, lstat, mkdir, mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { AppError, describeError } from "#errors/app-error.ts";

/** The account that the server runs under; PostgreSQL refuses root. Null: our own. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` of nearly every system. */
const unprivileged: ServerUser = { uid: 65_534, gid: 65_534 };

/** Where things go that the server's user can't reach below the data directory; survives a restart of the machine. */
const sharedBase = "/var/tmp";

/** A unix socket's path has 107 bytes at most, and the server adds `/.s.PGSQL.5432.lock` to the folder. */
const maxSocketFolderBytes = 85;

export function serverUser(): ServerUser | null {
  return process.getuid?.() === 0 ? unprivileged : null;
}

/** Whether `user` may enter the folder and every folder above it; links count as what they point to. */
export async function isReachable(folder: string, user: ServerUser | null): Promise<boolean> {
  if (user === null) return true;
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path);
    const mayEnter = found.uid === user.uid ? found.mode & 0o100 : found.mode & 0o001;
    if (mayEnter === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** Makes the folder if it is missing and checks that we can write there; `DATA_DIR_UNUSABLE` if not. */
async function ensureWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new AppError("DATA_DIR_UNUSABLE", `cannot write to data directory ${folder}: ${describeError(error)}`, {
      cause: error,
      details: { folder },
    });
  }
}

/**
 * The folder below which the cluster lives: the data directory, or, where the server's user can't reach that (below
 * a home that others can't enter), one of its own that keeps the data directory's hash in its name.
 */
export async function chooseBase(dataDir: string, user: ServerUser | null): Promise<string> {
  const wanted = resolve(dataDir);
  await ensureWritable(wanted);
  if (await isReachable(wanted, user)) return wanted;
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, 12);
  return ensureOwnFolder(join(sharedBase, `millrace-${hash}`));
}

/** A folder of ours in a place where anybody may write: refused when somebody else made it first. */
export async function ensureOwnFolder(folder: string): Promise<string> {
  await mkdir(folder, { mode: 0o711 }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new AppError(
      "DATA_DIR_UNUSABLE",
      `${folder} belongs to somebody else; remove it or choose another data directory`,
      {
        details: { folder },
      },
    );
  }
  return folder;
}

/** A private folder for the server's socket, short enough for a socket's address. */
export async function createSocketFolder(user: ServerUser | null): Promise<string> {
  const preferred = tmpdir();
  const fits = Buffer.byteLength(preferred) <= maxSocketFolderBytes - 20 && (await isReachable(preferred, user));
  const folder = await mkdtemp(join(fits ? preferred : "/tmp", "millrace-pg-"));
  if (user !== null) await chown(folder, user.uid, user.gid);
  return folder;
}
