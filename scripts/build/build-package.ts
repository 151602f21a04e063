import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { ROOT, runCommand } from "../process/run-command.ts";
import { createPackageManifest, type RootManifest } from "./package-manifest.ts";
import { findPublicDeclarations } from "./public-declarations.ts";

export interface PackageSize {
  readonly fileCount: number;
  readonly byteCount: number;
}

/** What ships besides compiled sources. Code finds these files by their place, which is the same in both trees. */
const SHIPPED = [
  "README.md",
  "LICENSE",
  "bin",
  "cli",
  "docs",
  "examples",
  "gen",
  "libs",
  "migrations",
  "proto",
  "sdk",
  "services",
];
/** Tests of workflows (`x.test.yaml`) are examples for users, and `millrace init` writes one. */
const NOT_SHIPPED = /(?:^|\/)(?:\.[^/]*|node_modules|decisions|testing|tsconfig\.json)(?:\/|$)|\.ts$/;

/**
 * Makes the npm package from the checkout: the same tree, with JavaScript in the place of TypeScript. What lay in the
 * folder before is replaced as a whole, and only when it is an older package of ours.
 */
export async function buildPackage(folder: string): Promise<PackageSize> {
  const root = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as RootManifest;
  refuseForeignFolder(folder, root.name);
  const staging = `${folder}.${process.pid}`;
  try {
    await compile(staging);
    copyPublicDeclarations(root, staging);
    copyShipped(staging);
    const shipped = readdirSync(staging).filter((name) => statSync(join(staging, name)).isDirectory());
    const isShipped = (path: string): boolean => existsSync(join(staging, path));
    const manifest = createPackageManifest(root, { folders: shipped.toSorted(), isShipped });
    writeFileSync(join(staging, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(staging, folder);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return measure(folder);
}

function refuseForeignFolder(folder: string, name: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  const manifest = join(folder, "package.json");
  const found = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, "utf8")) as { name?: string; private?: boolean })
    : {};
  if (found.name === name && found.private !== true) return;
  throw new Error(`${folder} holds something else than an older package: name an empty folder`);
}

/** Each folder's own project checks its types and leaves its declarations; what follows only strips and renames. */
async function compile(outDir: string): Promise<void> {
  await runCompiler("-b");
  await runCompiler("-p", "tsconfig.package.json", "--outDir", outDir);
}

async function runCompiler(...args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand("tsc", [...args, "--pretty", "false"]);
  if (code !== 0) throw new Error(`the sources have errors\n${output.trimEnd()}`);
}

function copyPublicDeclarations(root: RootManifest, staging: string): void {
  // Those of generated code are generated too and lie beside it.
  const locate = (path: string): string => {
    const emitted = join(ROOT, ".build", path);
    return existsSync(emitted) ? emitted : join(ROOT, path);
  };
  const read = (path: string): string | null => (existsSync(locate(path)) ? readFileSync(locate(path), "utf8") : null);
  const entries = Object.values(root.exports);
  for (const path of findPublicDeclarations({ entries, imports: root.imports, read })) {
    copy(locate(path), join(staging, path));
  }
}

function copyShipped(staging: string): void {
  for (const name of SHIPPED) {
    for (const path of listFiles(join(ROOT, name))) {
      const fromRoot = relative(ROOT, path).replaceAll(sep, "/");
      if (!NOT_SHIPPED.test(fromRoot)) copy(path, join(staging, fromRoot));
    }
  }
}

function measure(folder: string): PackageSize {
  const files = listFiles(folder);
  return { fileCount: files.length, byteCount: files.reduce((sum, path) => sum + statSync(path).size, 0) };
}

/** The file itself, or all files below a folder. */
function listFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
