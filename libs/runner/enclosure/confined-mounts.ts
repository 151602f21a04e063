import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { delimiter, isAbsolute } from "node:path";
import type { AttemptDirectories } from "../attempt-directories.ts";
import { type StartFailure, systemPath } from "../find-executable.ts";
import { dataWithin, findClosed, isWithin } from "./closed-folders.ts";
import type { ProcessEnclosure } from "./enclosure.ts";

/** Programs and libraries of the system, as far as the host has these folders. */
const systemFolders: readonly string[] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/opt"];

/** What programs look up in /etc: names, zones, certificates, the loader's cache. Nothing that holds a secret. */
const systemFiles: readonly string[] = [
  "alternatives",
  "ca-certificates",
  "crypto-policies",
  "group",
  "host.conf",
  "hosts",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "locale.alias",
  "localtime",
  "mime.types",
  "nsswitch.conf",
  "os-release",
  "passwd",
  "pki",
  "protocols",
  "resolv.conf",
  "services",
  "ssl/certs",
  "ssl/openssl.cnf",
  "timezone",
].map((name) => `/etc/${name}`);

/** The folders of one command that is confined. */
export interface ConfinedPlace {
  readonly enclosure: ProcessEnclosure;
  readonly directories: AttemptDirectories;
  /** Absolute path of the program. */
  readonly program: string;
  readonly cwd: string;
}

/** Bubblewrap's options for a root folder that has only what the attempt may see; a failure where that can't be. */
export function confinedMounts({
  enclosure,
  directories,
  program,
  cwd,
}: ConfinedPlace): readonly string[] | StartFailure {
  const { work, temporary, artifacts, code, outputFile } = directories;
  const { dagDirectory, readable, dataDirectory } = enclosure;
  const missing = readable.find((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined);
  if (missing !== undefined)
    return { code: "not_found", message: `allow_paths names ${missing}, which does not exist on this worker` };
  const closed = findClosed(readable, dataDirectory);
  if (closed !== null) return closed;
  const given = [...(dagDirectory === "" ? [] : [dagDirectory]), ...readable];
  const hidden = dataWithin(given, dataDirectory);
  // The definitions may lie within the data directory, which is hidden around them.
  const inside = given.filter((path) => hidden.some((folder) => path !== folder && isWithin(folder, path)));
  const outside = given.filter((path) => !inside.includes(path));
  const own = [work, temporary, artifacts];
  const seen = [...own, ...given, ...systemFolders];
  const isSeen = (path: string): boolean => seen.some((folder) => isWithin(folder, path));
  if (!isSeen(cwd)) return unseen(`can't start in ${cwd}`);
  if (![program, realpathSync(program)].every(isSeen)) return unseen(`does not see its program ${program}`);
  return [
    ...systemFolders.flatMap(systemFolder),
    ...systemFiles.flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--bind", temporary, "/tmp"],
    ...outside.flatMap((path) => ["--ro-bind", path, path]),
    // After what is given, so that none of it takes their place.
    ...["--proc", "/proc", "--dev", "/dev"],
    ...hidden.flatMap((path) => ["--tmpfs", path]),
    ...inside.flatMap((path) => ["--ro-bind", path, path]),
    ...[...own, outputFile].flatMap((path) => ["--bind", path, path]),
    ...["--ro-bind", code, code],
    ...["/", ...hidden].flatMap((path) => ["--remount-ro", path]),
  ];
}

/**
 * The folders of a PATH that a confined process sees: version managers and the like of the
 * worker's user are not for it. Those of the system where it sees none.
 */
export function confinedPath(path: string, { readable, dagDirectory }: ProcessEnclosure): string {
  const seen = [...systemFolders, ...readable, ...(dagDirectory === "" ? [] : [dagDirectory])];
  const isSeen = (folder: string): boolean => isAbsolute(folder) && seen.some((each) => isWithin(each, folder));
  const folders = path.split(delimiter).filter(isSeen);
  return folders.length === 0 ? systemPath : folders.join(delimiter);
}

function unseen(what: string): StartFailure {
  return { code: "configuration", message: `a confined process ${what}; name the folder in allow_paths` };
}

/** `/bin` and its like are links into /usr on most systems, and stay links. */
function systemFolder(path: string): readonly string[] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
}
