import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { createSourceFile, type SourceFile } from "./source-file.ts";

/** The checkout as the rules see it: its text files, without generated and ignored ones. */
export interface Repository {
  readonly files: readonly SourceFile[];
  /** Text of one file, or null. */
  readonly read: (path: string) => string | null;
  /** Direct references of each folder that has a tsconfig.json, as folders. */
  readonly references: ReadonlyMap<string, readonly string[]>;
  /** Folder of each package.json import name: `core` → `libs/core`. */
  readonly importNames: ReadonlyMap<string, string>;
  /** Files that package.json offers to other packages. */
  readonly entryPoints: ReadonlySet<string>;
}

const BINARY_EXTENSION = /\.(?:png|ico|woff2?|jar|gz|pdf)$/;
/** What a tool wrote follows the tool's rules. */
const GENERATED_PATH = /^(?:gen\/.*_pb\.|package-lock\.json$)/;

/** Builds a repository from texts by path; the tests plant violations this way. */
export function createRepository(texts: ReadonlyMap<string, string>): Repository {
  const written = [...texts].filter(([path]) => !GENERATED_PATH.test(path));
  return {
    files: written.map(([path, text]) => createSourceFile(path, text)),
    read: (path) => texts.get(path) ?? null,
    references: readReferences(texts),
    importNames: readImportNames(texts.get("package.json") ?? null),
    entryPoints: readEntryPoints(texts.get("package.json") ?? null),
  };
}

/** Reads what git tracks or would track; needs git. */
export function readRepository(root: string): Repository {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root, encoding: "utf8" });
  const paths = listed.split("\0").filter((path) => path !== "" && !BINARY_EXTENSION.test(path));
  const present = paths.filter((path) => existsSync(posix.join(root, path)));
  return createRepository(new Map(present.map((path) => [path, readFileSync(posix.join(root, path), "utf8")])));
}

function readEntryPoints(manifest: string | null): ReadonlySet<string> {
  const { exports = {} } = JSON.parse(manifest ?? "{}") as { exports?: Readonly<Record<string, string>> };
  return new Set(Object.values(exports).map((path) => posix.normalize(path)));
}

function readReferences(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const references = new Map<string, readonly string[]>();
  for (const [path, text] of texts) {
    const folder = posix.dirname(path);
    if (posix.basename(path) !== "tsconfig.json" || folder === ".") continue;
    const config = JSON.parse(text) as { references?: readonly { path: string }[] };
    references.set(
      folder,
      (config.references ?? []).map((reference) => posix.join(folder, reference.path)),
    );
  }
  return references;
}

function readImportNames(packageText: string | null): ReadonlyMap<string, string> {
  const { imports = {} } = JSON.parse(packageText ?? "{}") as { imports?: Record<string, string> };
  return new Map(
    Object.entries(imports).map(([name, target]) => [
      name.slice(1, name.indexOf("/")),
      posix.join(posix.dirname(target)),
    ]),
  );
}
