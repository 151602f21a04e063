import { basename, resolve } from "node:path";
import { compileGlob } from "#definition/expressions/path-glob.ts";
import type { FileSensor } from "#definition/schema/sensor-definition.ts";
import { type Firing, type Look, type LookResult, quiet } from "../look.ts";
import { usePattern } from "../use-pattern.ts";
import { hashFile, listFiles } from "./list-files.ts";
import { rememberFiles, type StableFile, stepFiles } from "./step-files.ts";

/** Larger files have no checksum. */
const maxHashedBytes = 64 * 1024 * 1024;

/** What one look reads of files at most; the rest waits for the next one. */
const maxReadBytes = 256 * 1024 * 1024;

/** Looks at a folder: an event per file, once it is stable. */
export async function pollFiles(sensor: FileSensor, look: Look): Promise<LookResult> {
  const { state, now, signal, host } = look;
  const directory = resolve(host.definitionsFolder, sensor.directory);
  const glob = usePattern("file_pattern", () => compileGlob(sensor.pattern));
  const matches = (path: string): boolean => usePattern("file_pattern", () => glob(path));
  const files = await listFiles(directory, { isRecursive: sensor.isRecursive, matches, signal });
  const before = state ?? new Map();
  if (state === null) {
    const there = rememberFiles(files.filter(({ size }) => size >= sensor.minSize));
    return { ...quiet, patch: { put: there, drop: [] } };
  }
  const { stable, put, drop, stableAt } = stepFiles(sensor, { state: before, files, now });
  const firings: Firing[] = [];
  const silent = new Map(put);
  let read = 0;
  let taken = 0;
  for (const file of stable) {
    if (firings.length === sensor.batchSize || (taken > 0 && read + file.file.size > maxReadBytes)) break;
    taken += 1;
    const checksum = file.kind === "deleted" ? file.file.checksum : await checksumOf(file, directory, signal);
    if (file.kind !== "deleted") read += file.file.size;
    const settled = { ...file.file, checksum };
    // The time alone changed.
    if (file.kind === "modified" && checksum !== null && checksum === file.earlierChecksum)
      silent.set(file.path, settled);
    else firings.push(firingOf({ ...file, file: settled }, directory));
  }
  const isChanged = silent.size > 0 || drop.length > 0;
  return {
    ...quiet,
    firings,
    patch: isChanged ? { put: silent, drop } : null,
    hasMore: taken < stable.length,
    lookAt: stableAt,
  };
}

function checksumOf({ path, file }: StableFile, directory: string, signal: AbortSignal): Promise<string | null> {
  return file.size > maxHashedBytes ? Promise.resolve(null) : hashFile(resolve(directory, path), signal);
}

function firingOf({ path, kind, file }: StableFile, directory: string): Firing {
  const { size, mtimeMs, checksum } = file;
  const data = {
    event: `file_${kind}`,
    path: resolve(directory, path),
    name: basename(path),
    size,
    modified_at: new Date(mtimeMs).toISOString(),
    checksum: checksum === null ? null : `sha256:${checksum}`,
  };
  const patch = kind === "deleted" ? { put: new Map(), drop: [path] } : { put: new Map([[path, file]]), drop: [] };
  return { event: { subject: path, data }, patch };
}
