import { posix } from "node:path";
import type { Repository } from "./repository.ts";
import type { Finding, Rule } from "./rule.ts";

const MAX_LINES = 300;
const MAX_TEST_LINES = 500;
const MAX_EXPORTS = 8;
const CODE_EXTENSION = /\.(?:[cm]?[jt]sx?|sh|css|py|go)$/;
const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/;
const BANNED_WORDS = new Set([
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "misc",
  "types",
  "interfaces",
  "manager",
]);

const fileSize: Rule = {
  name: "file-size",
  check: (repository) =>
    codeFiles(repository).flatMap(({ path, text, isTest }) => {
      const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
      const limit = isTest ? MAX_TEST_LINES : MAX_LINES;
      return lines <= limit ? [] : [wholeFile(path, `${lines} lines, ${limit} are allowed: split it by what it does`)];
    }),
};

const exportCount: Rule = {
  name: "export-count",
  check: (repository) =>
    codeFiles(repository).flatMap(({ path, module }) => {
      const count = module?.exportCount ?? 0;
      return count <= MAX_EXPORTS || repository.entryPoints.has(path)
        ? []
        : [wholeFile(path, `${count} exports, ${MAX_EXPORTS} are allowed`)];
    }),
};

const fileName: Rule = {
  name: "file-name",
  check: (repository) =>
    codeFiles(repository).flatMap(({ path }) => {
      if (!/\.[jt]sx?$/.test(path)) return [];
      const parts = path.split("/");
      const bad = parts.find((part) => !part.startsWith(".") && !KEBAB_CASE.test(part));
      if (bad !== undefined) return [wholeFile(path, `${bad} is not kebab-case`)];
      const stem = posix.basename(path).split(".")[0] ?? "";
      const banned = [stem, ...stem.split("-")].find((word) => BANNED_WORDS.has(word) || word === "index");
      return banned === undefined ? [] : [wholeFile(path, `"${banned}" says nothing: name it after its main export`)];
    }),
};

const noBarrel: Rule = {
  name: "no-barrel",
  check: (repository) =>
    codeFiles(repository)
      .filter(({ folder, path, module }) => {
        const mayBe = folder === "libs/errors" || repository.entryPoints.has(path);
        return !mayBe && module?.isBarrel === true;
      })
      .map(({ path }) => wholeFile(path, "only re-exports: import from where a thing lives")),
};

export const sizeRules: readonly Rule[] = [fileSize, exportCount, fileName, noBarrel];

function codeFiles(repository: Repository): Repository["files"] {
  return repository.files.filter(({ path }) => CODE_EXTENSION.test(path));
}

function wholeFile(path: string, message: string): Finding {
  return { path, line: null, message };
}
