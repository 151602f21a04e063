import { posix } from "node:path";
import { readModuleFacts } from "../tidy/module-facts.ts";

export interface DeclarationSearch {
  /** Public entry points as sources, like `./libs/engine/engine-exports.ts`. */
  readonly entries: readonly string[];
  /** The `imports` of the checkout's package.json. */
  readonly imports: Readonly<Record<string, string>>;
  /** Text of a declaration file by its path from the root, or null. */
  readonly read: (path: string) => string | null;
}

/**
 * Paths of the declaration files that the types of the entry points consist of. The others describe what nobody can
 * import. Throws when one is missing: a user's compiler would silently take its types for `any`.
 */
export function findPublicDeclarations({ entries, imports, read }: DeclarationSearch): readonly string[] {
  const found = new Set<string>();
  const pending = entries.map((entry) => ({ path: toDeclaration(posix.normalize(entry)), importer: "package.json" }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, importer } = next;
    if (found.has(path)) continue;
    const text = read(path);
    if (text === null) throw new Error(`${importer} refers to ${path}, which does not exist`);
    found.add(path);
    for (const { text: specifier } of readModuleFacts(path, text).imports) {
      const source = resolveOwn(specifier, { path, imports });
      if (source !== null) pending.push({ path: toDeclaration(source), importer: path });
    }
  }
  return [...found].toSorted();
}

/** The source that a specifier means, from the root; null when it is another package's. */
function resolveOwn(
  specifier: string,
  { path, imports }: { path: string; imports: Readonly<Record<string, string>> },
): string | null {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(path), specifier);
  if (!specifier.startsWith("#")) return null;
  for (const [pattern, target] of Object.entries(imports)) {
    const [start = "", end = ""] = pattern.split("*");
    if (!specifier.startsWith(start) || !specifier.endsWith(end)) continue;
    return posix.normalize(target.replace("*", specifier.slice(start.length, specifier.length - end.length)));
  }
  throw new Error(`${path} imports ${specifier}, which is not in package.json's imports`);
}

function toDeclaration(source: string): string {
  return source.replace(/\.[jt]s$/, ".d.ts");
}
