import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

/** Like a path: it begins with a dot or slash, or ends as a module does. */
const pathPattern = /^\.{0,2}[/\\]|^[A-Za-z]:[/\\]|\.[cm]?[jt]s$/;

/** Where the module of a plugin lies: a file, or a package that is installed around the folder. Throws what Node says. */
export function locatePlugin(name: string, directory: string): string {
  return pathPattern.test(name) ? resolve(directory, name) : locatePackage(name, directory);
}

function locatePackage(name: string, directory: string): string {
  const require = createRequire(join(directory, "package.json"));
  try {
    return require.resolve(name);
  } catch (error) {
    // `require` knows no package that is for `import` alone.
    if (codeOf(error) !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error;
    for (const folder of require.resolve.paths(name) ?? []) {
      const entry = importEntry(join(folder, name));
      if (entry !== null) return entry;
    }
    throw error;
  }
}

/** What a package's `exports` names for `import`; null: there is no such package, or it names nothing. */
function importEntry(folder: string): string | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly exports?: unknown };
    const target = conditionOf(manifest.exports);
    return target === null ? null : join(folder, target);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function conditionOf(exports: unknown): string | null {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return null;
  const conditions = exports as Readonly<Record<string, unknown>>;
  return conditionOf(conditions["."] ?? conditions["node"] ?? conditions["import"] ?? conditions["default"]);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}
