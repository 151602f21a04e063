import type { FileSensor } from "#definition/schema/sensor-definition.ts";
import type { SensorState } from "#ports/sensor-firing.ts";
import type { SeenFile } from "./list-files.ts";

/** A file as it was when it last was stable. */
interface SettledFile {
  readonly size: number;
  readonly mtimeMs: number;
  /** SHA-256; null: not known. */
  readonly checksum: string | null;
}

/** What is remembered of a file; times in milliseconds since 1970. */
export interface RememberedFile extends SettledFile {
  /** Absent: it is stable. Present: it is as it is since then. */
  readonly since?: number;
  /** Before it changed; null: it is new. */
  readonly was?: SettledFile | null;
  /** Absent: it is there. Present: it is gone since then. */
  readonly goneSince?: number;
}

/** A file that may fire: it stayed as it is for long enough. */
export interface StableFile {
  readonly path: string;
  readonly kind: "created" | "modified" | "deleted";
  readonly file: SettledFile;
  /** Of a modified one: what its content was. */
  readonly earlierChecksum: string | null;
}

export interface FileStep {
  /** By path. */
  readonly stable: readonly StableFile[];
  /** What is to be remembered of all others. */
  readonly put: ReadonlyMap<string, RememberedFile>;
  readonly drop: readonly string[];
  /** When the next one may be stable; null: none waits. */
  readonly stableAt: number | null;
}

/** What is remembered of a folder that is looked at for the first time. */
export function rememberFiles(files: readonly SeenFile[]): ReadonlyMap<string, RememberedFile> {
  return new Map(files.map(({ path, size, mtimeMs }) => [path, { size, mtimeMs, checksum: null }]));
}

/** What follows from the files that are there now. Smaller ones than the sensor's least size are not there. */
export function stepFiles(
  sensor: Pick<FileSensor, "stabilizationMs" | "trigger" | "minSize">,
  options: { readonly state: SensorState; readonly files: readonly SeenFile[]; readonly now: number },
): FileStep {
  const { stabilizationMs, trigger, minSize } = sensor;
  const { state, now } = options;
  const stable: StableFile[] = [];
  const put = new Map<string, RememberedFile>();
  const drop: string[] = [];
  const waiting: number[] = [];
  const seen = new Set<string>();
  const isLong = (since: number): boolean => {
    if (now - since >= stabilizationMs) return true;
    waiting.push(since + stabilizationMs);
    return false;
  };
  for (const file of options.files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (file.size < minSize) continue;
    seen.add(file.path);
    const known = state.get(file.path) as RememberedFile | undefined;
    const next = follow(known, file, now);
    if (next.since === undefined || !isLong(next.since)) {
      if (next !== known) put.set(file.path, next);
      continue;
    }
    const { size, mtimeMs, was = null } = next;
    const settled = { size, mtimeMs, checksum: null };
    const kind = was === null ? "created" : "modified";
    if (trigger === `file_${kind}`) {
      stable.push({ path: file.path, kind, file: settled, earlierChecksum: was?.checksum ?? null });
    } else put.set(file.path, settled);
  }
  for (const [path, value] of state) {
    if (seen.has(path)) continue;
    const known = value as RememberedFile;
    const settled = known.since === undefined ? known : (known.was ?? null);
    if (trigger !== "file_deleted" || settled === null) drop.push(path);
    else if (isLong(known.goneSince ?? now)) {
      const { size, mtimeMs, checksum } = settled;
      stable.push({ path, kind: "deleted", file: { size, mtimeMs, checksum }, earlierChecksum: null });
    } else if (known.goneSince === undefined) put.set(path, { ...known, goneSince: now });
  }
  return { stable, put, drop, stableAt: waiting.length === 0 ? null : Math.min(...waiting) };
}

/** What is remembered of a file that is there. */
function follow(known: RememberedFile | undefined, { size, mtimeMs }: SeenFile, now: number): RememberedFile {
  if (known === undefined) return { size, mtimeMs, checksum: null, since: now, was: null };
  const isSame = known.size === size && known.mtimeMs === mtimeMs;
  if (isSame && known.goneSince === undefined) return known;
  const { goneSince: _gone, ...there } = known;
  if (isSame) return there;
  const { size: oldSize, mtimeMs: oldTime, checksum } = known;
  const was = known.since === undefined ? { size: oldSize, mtimeMs: oldTime, checksum } : (known.was ?? null);
  return { size, mtimeMs, checksum: null, since: now, was };
}
