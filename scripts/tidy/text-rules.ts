import { completeLockFile, findResolvedHosts, type LockFile } from "../lock/complete-lock-file.ts";
import type { Repository } from "./repository.ts";
import type { Finding, Rule } from "./rule.ts";

// The patterns are written so that they do not match themselves.
const OPEN_NOTE = /\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/;
const MACHINE_PATH = /(?:^|[^\w.~/-])\/(?:root|home|Users|work)\/\w/;
const REGISTRY_HOST = /\bregistry\.(?:npm|yarn)\w*\.\w+/;

const openNotes = lineRule("open-notes", OPEN_NOTE, "finish it, or open an issue");
const machinePaths = lineRule("machine-paths", MACHINE_PATH, "a path of one machine means nothing on another");
const registryHosts = lineRule("registry-hosts", REGISTRY_HOST, "which registry to use is each machine's own setting");

const lockFile: Rule = {
  name: "lock-file",
  check: ({ read }) => {
    const text = read("package-lock.json");
    if (text === null) return [];
    const lock = JSON.parse(text) as LockFile;
    const hosts = findResolvedHosts(lock).map((path) => `${path} names the host it came from`);
    const missing = completeLockFile(lock).map((path) => `${path} is missing: run node scripts/complete-lock.ts`);
    return [...hosts, ...missing].map((message) => ({ path: "package-lock.json", line: null, message }));
  },
};

export const textRules: readonly Rule[] = [openNotes, machinePaths, registryHosts, lockFile];

function lineRule(name: string, pattern: RegExp, message: string): Rule {
  return {
    name,
    check: (repository: Repository): readonly Finding[] =>
      repository.files.flatMap(({ path, text }) =>
        text.split("\n").flatMap((line, index) => (pattern.test(line) ? [{ path, line: index + 1, message }] : [])),
      ),
  };
}
