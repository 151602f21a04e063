/** The parts of the checkout's package.json that the package is made of. */
export interface RootManifest {
  readonly name: string;
  /** Entry points as sources: `"./client": "./libs/client/client-exports.ts"`. */
  readonly exports: Readonly<Record<string, string>>;
  /** Folders as sources: `"#core/*.ts": "./libs/core/*.ts"`. */
  readonly imports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface PackageContents {
  /** Folders at the top, in order. */
  readonly folders: readonly string[];
  /** Whether a path from the top is in the package. */
  readonly isShipped: (path: string) => boolean;
}

/** Fields that are the same in both; what only a checkout needs (scripts, development tools) is not among them. */
const KEPT_FIELDS = [
  "name",
  "version",
  "description",
  "keywords",
  "license",
  "type",
  "engines",
  "bin",
  "dependencies",
  "optionalDependencies",
];

/** The package's own package.json: the checkout's, with targets that are JavaScript, and nothing that does not ship. */
export function createPackageManifest(
  root: RootManifest,
  contents: PackageContents,
): Readonly<Record<string, unknown>> {
  const kept = KEPT_FIELDS.filter((field) => root[field] !== undefined).map((field) => [field, root[field]]);
  const entryPoints = Object.entries(root.exports).map(([name, source]) => [name, entryPointOf(source)]);
  const folders = Object.entries(root.imports)
    .filter(([, target]) => contents.isShipped(target.slice(0, target.indexOf("*"))))
    .map(([name, target]) => [name, toScript(target)]);
  return {
    ...Object.fromEntries(kept),
    files: contents.folders,
    exports: { ...Object.fromEntries(entryPoints), "./package.json": "./package.json" },
    imports: Object.fromEntries(folders),
  };
}

/** TypeScript takes the first condition that it knows, so the types come first. */
function entryPointOf(source: string): { readonly types: string; readonly default: string } {
  return { types: source.replace(/\.ts$/, ".d.ts"), default: toScript(source) };
}

function toScript(source: string): string {
  return source.replace(/\.ts$/, ".js");
}
