import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { decodeOutcomeFile } from "./outcome-file.ts";
import type { SpooledOutcome } from "./outcome-spool.ts";

/** One outcome may carry 16 MiB of outputs. */
const maxFileBytes = 24 * 1024 * 1024;
/** More are left for the next start. */
const maxOutcomesAtStart = 10_000;
const extension = ".outcome";
const draftExtension = ".draft";

/** Outcomes as files, one each; a file is there whole or not at all. */
export interface OutcomeFolder {
  /** Resolves when the file is durable but for its name. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** Makes the names durable of what was written before. */
  sync(): Promise<void>;
  remove(key: string): Promise<void>;
}

/**
 * Makes the folder, if it is not there, and reads what earlier starts left. What is no outcome, or a damaged one, is
 * moved into the folder `unusable` in it, with a line in the log; drafts, which are never complete, are removed.
 */
export async function openOutcomeFolder(
  directory: string,
  logger: Logger,
): Promise<{ readonly folder: OutcomeFolder; readonly outcomes: readonly SpooledOutcome[] }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const entries = await readdir(directory, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.name.endsWith(draftExtension)))
    await rm(join(directory, name), { force: true, recursive: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.endsWith(draftExtension));
  if (files.length > maxOutcomesAtStart)
    logger.warn(
      { directory, files: files.length, limit: maxOutcomesAtStart },
      "more outcomes are kept than one start reads",
    );
  const outcomes: SpooledOutcome[] = [];
  for (const { name } of files.slice(0, maxOutcomesAtStart)) {
    const found = await readOutcome(join(directory, name), name);
    if (typeof found === "string") await park({ directory, name, problem: found, logger });
    else outcomes.push(found);
  }
  return { folder: createFolder(directory), outcomes };
}

/** The outcome of a file, or what is wrong with it. */
async function readOutcome(path: string, name: string): Promise<SpooledOutcome | string> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) return `it has ${size} bytes, and an outcome at most ${maxFileBytes}`;
    const found = decodeOutcomeFile(await readFile(path));
    return typeof found !== "string" && fileName(found.key) !== name ? "its name is not that of its attempt" : found;
  } catch (error) {
    return describeError(error);
  }
}

async function park(given: { directory: string; name: string; problem: string; logger: Logger }): Promise<void> {
  const { directory, name, problem, logger } = given;
  const aside = join(directory, "unusable");
  logger.error({ file: name, directory: aside, problem }, "a kept outcome can't be read: its attempt may run again");
  try {
    await mkdir(aside, { recursive: true, mode: 0o700 });
    await rename(join(directory, name), join(aside, name));
  } catch (error) {
    logger.warn({ file: name, error: describeError(error) }, "it can't be moved either, and stays where it is");
  }
}

function createFolder(directory: string): OutcomeFolder {
  return {
    async write(key, bytes) {
      const path = join(directory, fileName(key));
      const draft = `${path}.${randomBytes(4).toString("hex")}${draftExtension}`;
      try {
        const file = await open(draft, "wx", 0o600);
        try {
          await file.writeFile(bytes);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
    async sync() {
      const folder = await open(directory, "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    },
    remove: (key) => rm(join(directory, fileName(key)), { force: true }),
  };
}

/** A key may be longer than a file's name, and has characters that no name has. */
function fileName(key: string): string {
  return `${createHash("sha256").update(key).digest("hex").slice(0, 40)}${extension}`;
}
