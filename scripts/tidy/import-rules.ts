import { posix } from "node:path";
import type { Repository } from "./repository.ts";
import type { Finding, Rule } from "./rule.ts";
import { folderOf, type SourceFile } from "./source-file.ts";

const TESTING = "libs/testing";

/** What code outside the product may import; `bench` and `scripts` are programs of their own. */
const OUTSIDE_PRODUCT: Readonly<Record<string, readonly string[]>> = {
  e2e: ["gen", "libs/errors", "libs/rpc", TESTING, "chaos"],
  scripts: [TESTING],
};

/** Programs that put services together. */
const WIRING = new Set(["cli", "sdk", "simulation"]);

/** The references are the architecture: `tsc` follows them transitively, this rule takes only the direct ones. */
const folderImports: Rule = {
  name: "folder-imports",
  check: (repository) =>
    repository.files.flatMap((file) =>
      (file.module?.imports ?? []).flatMap(({ text: specifier, line }) => {
        const message = checkImport(repository, file, specifier);
        return message === null ? [] : [{ path: file.path, line, message }];
      }),
    ),
};

const testingStaysInTests: Rule = {
  name: "testing-stays-in-tests",
  check: (repository) =>
    repository.files
      .filter((file) => file.isProduct)
      .flatMap((file) =>
        (file.module?.imports ?? [])
          .filter(({ text }) => text.startsWith("#testing/") || /\.(?:test|testsuite)\.ts$/.test(text))
          .map(({ line }) => ({ path: file.path, line, message: "product code never imports test code" })),
      ),
};

/** Services meet at the proto, the database or a topic; only the programs that wire them know them. */
const serviceReferences: Rule = {
  name: "service-references",
  check: ({ references }) =>
    [...references].flatMap(([folder, targets]) =>
      targets.flatMap((target): Finding[] => {
        const path = `${folder}/tsconfig.json`;
        if (target.startsWith("services/") && !WIRING.has(folder)) {
          return [{ path, line: null, message: `only ${[...WIRING].join(", ")} may refer to ${target}` }];
        }
        // It breaks the product from outside, as tests do, and never ships.
        return target === TESTING && folder !== "chaos"
          ? [{ path, line: null, message: `product code may not refer to ${TESTING}` }]
          : [];
      }),
    ),
};

/** A reference that no import needs would let the drawing show a way that nobody goes. */
const unusedReferences: Rule = {
  name: "unused-references",
  check: (repository) =>
    [...repository.references].flatMap(([folder, targets]) => {
      const files = repository.files.filter((file) => file.folder === folder && file.module !== null);
      const imports = files.flatMap((file) => (file.module?.imports ?? []).map(({ text }) => text));
      const used = new Set(imports.map((specifier) => resolveFolder(repository, specifier)));
      return targets
        .filter((target) => !used.has(target))
        .map((target) => ({ path: `${folder}/tsconfig.json`, line: null, message: `nothing here imports ${target}` }));
    }),
};

const rootReferences: Rule = {
  name: "root-references",
  check: ({ read, references }) => {
    const root = JSON.parse(read("tsconfig.json") ?? "{}") as { references?: readonly { path: string }[] };
    const listed = new Set((root.references ?? []).map(({ path }) => posix.normalize(path)));
    return [...references.keys()]
      .filter((folder) => !listed.has(folder))
      .map((folder) => ({ path: "tsconfig.json", line: null, message: `${folder} is not in the references` }));
  },
};

export const importRules: readonly Rule[] = [
  folderImports,
  testingStaysInTests,
  serviceReferences,
  unusedReferences,
  rootReferences,
];

/** Says what is wrong with an import, or null. */
function checkImport(repository: Repository, file: SourceFile, specifier: string): string | null {
  if (specifier.startsWith(".")) {
    const target = folderOf(posix.join(posix.dirname(file.path), specifier));
    const mayCross = file.folder === "" || file.folder === "bin";
    return target === file.folder || mayCross ? null : `relative import leaves ${file.folder}: write #…/`;
  }
  if (!specifier.startsWith("#")) return null;
  const target = resolveFolder(repository, specifier);
  if (target === null) return `${specifier} is not in package.json's imports`;
  if (target === file.folder) return "inside a folder, imports are relative";
  const allowed = allowedTargets(repository, file);
  return allowed === null || allowed.includes(target) ? null : `${target} is not a direct reference of ${file.folder}`;
}

function resolveFolder(repository: Repository, specifier: string): string | null {
  if (!specifier.startsWith("#")) return null;
  const [name = "", next = ""] = specifier.slice(1).split("/");
  const folder = repository.importNames.get(name);
  if (folder === undefined) return null;
  return folder === "services" ? `services/${next}` : folder;
}

/** Null when everything is allowed. */
function allowedTargets(repository: Repository, file: SourceFile): readonly string[] | null {
  const outside = OUTSIDE_PRODUCT[file.folder];
  if (outside !== undefined) return outside;
  const references = repository.references.get(file.folder);
  if (references === undefined) return null;
  return file.isTest ? [...references, TESTING] : references;
}
