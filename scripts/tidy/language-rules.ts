import type { Repository } from "./repository.ts";
import type { Finding, Rule } from "./rule.ts";
import type { SourceFile } from "./source-file.ts";

const IMPURE_NAMES = new Set([
  "Date",
  "Temporal",
  "crypto",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

const environment: Rule = {
  name: "environment",
  check: (repository) =>
    findUses(repository, {
      files: (file) => file.isProduct && file.folder !== "libs/config",
      isWrong: (use) => use === "process.env" || use.startsWith("process.env."),
      message: "only libs/config reads the environment: take the value from the settings",
    }),
};

const processExit: Rule = {
  name: "process-exit",
  check: (repository) =>
    findUses(repository, {
      files: ({ path, folder }) => path !== "cli/main.ts" && folder !== "scripts",
      isWrong: (use) => use === "process.exit",
      message: "only cli/main.ts ends the process: return, or throw an AppError",
    }),
};

/** The core has no clock, no randomness and no I/O, so that a simulator can repeat what it decides. */
const pureCore: Rule = {
  name: "pure-core",
  check: (repository) => {
    const files = repository.files.filter((file) => file.folder === "libs/core" && file.isProduct);
    const uses = findUses(repository, {
      files: (file) => files.includes(file),
      isWrong: (use) => use === "Math.random" || IMPURE_NAMES.has(use.split(".")[0] ?? ""),
      message: "core is pure: let the caller pass it in",
    });
    const imports = files.flatMap((file) =>
      (file.module?.imports ?? [])
        .filter(({ text }) => !text.startsWith(".") && !text.startsWith("#"))
        .map(({ line, text }) => ({ path: file.path, line, message: `core has no dependencies, not even ${text}` })),
    );
    const loops = files.flatMap((file) =>
      (file.module?.forInLines ?? []).map((line) => ({
        path: file.path,
        line,
        message: "for…in follows the insertion order of keys: use for…of",
      })),
    );
    return [...uses, ...imports, ...loops];
  },
};

const noConsole: Rule = {
  name: "no-console",
  check: (repository) =>
    findUses(repository, {
      files: ({ path, isTest }) => /^(?:libs|services)\//.test(path) && !isTest,
      isWrong: (use) => use.startsWith("console."),
      message: "write to the logger",
    }),
};

const noMocks: Rule = {
  name: "no-mocks",
  check: (repository) =>
    findUses(repository, {
      files: ({ isTest }) => isTest,
      isWrong: (use) => /^vi\.(?:mock|doMock|hoisted)$/.test(use) || /\.toMatch(?:Inline)?Snapshot$/.test(use),
      message: "tests use the real module, or a fake at the network's edge, and say what they expect",
    }),
};

const noWaivers: Rule = {
  name: "no-waivers",
  check: (repository) =>
    repository.files.flatMap((file) =>
      (file.module?.comments ?? [])
        .filter(({ text }) => /@ts-(?:ignore|expect-error|nocheck)|(?:oxlint|eslint)-disable|biome-ignore/.test(text))
        .map(({ line }) => ({ path: file.path, line, message: "rules are kept or changed, never waived in place" })),
    ),
};

export const languageRules: readonly Rule[] = [environment, processExit, pureCore, noConsole, noMocks, noWaivers];

interface UseSearch {
  readonly files: (file: SourceFile) => boolean;
  readonly isWrong: (use: string) => boolean;
  readonly message: string;
}

function findUses(repository: Repository, search: UseSearch): readonly Finding[] {
  return repository.files
    .filter(search.files)
    .flatMap(({ path, module }) =>
      (module?.uses ?? [])
        .filter(({ text }) => search.isWrong(text))
        .map(({ line, text }) => ({ path, line, message: `${text}: ${search.message}` })),
    );
}
