import { type CommandResult, ROOT, runCommand } from "../process/run-command.ts";
import { readRepository } from "../tidy/repository.ts";
import { formatFinding } from "../tidy/rule.ts";
import { tidyRules } from "../tidy-rules.ts";
import { checkGeneratedCode } from "./generated-code.ts";

export interface CheckStep {
  readonly name: string;
  readonly run: () => Promise<CommandResult>;
}

/** What `npm run check` does, cheapest first. */
export const checkSteps: readonly CheckStep[] = [
  { name: "format", run: () => runCommand("biome", ["format", "--reporter=summary", "."]) },
  { name: "tidy rules", run: checkTidiness },
  { name: "types", run: () => runCommand("tsc", ["-b", "--pretty", "false"]) },
  { name: "types of tests", run: () => runCommand("tsc", ["-p", "tsconfig.test.json", "--pretty", "false"]) },
  { name: "lint", run: () => runCommand("oxlint", ["--type-aware", "--deny-warnings", "--format=unix"]) },
  { name: "unused code", run: () => runCommand("knip", ["--no-progress", "--no-config-hints"]) },
  { name: "proto lint", run: () => runCommand("buf", ["lint"]) },
  { name: "proto format", run: () => runCommand("buf", ["format", "--diff", "--exit-code"]) },
  { name: "generated code", run: checkGeneratedCode },
  { name: "lock file", run: () => runCommand("npm", ["ci", "--dry-run", "--ignore-scripts", "--prefer-offline"]) },
];

async function checkTidiness(): Promise<CommandResult> {
  const repository = readRepository(ROOT);
  const lines = tidyRules.flatMap((rule) => rule.check(repository).map((finding) => formatFinding(rule, finding)));
  return { code: lines.length === 0 ? 0 : 1, output: lines.map((line) => `${line}\n`).join("") };
}
