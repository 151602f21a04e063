import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT, toolEnvironment } from "./process/run-command.ts";

/** One violation for each rule that style.md names and that is left to the linter. */
const violations: Readonly<Record<string, string>> = {
  "typescript(no-floating-promises)": "export function f(p: Promise<void>): void {\n  p;\n}\n",
  "typescript(no-misused-promises)": "export const f = (p: () => Promise<boolean>): void => {\n  if (p()) f(p);\n};\n",
  "typescript(no-explicit-any)": "export const f = (a: any): unknown => a;\n",
  "typescript(switch-exhaustiveness-check)":
    'export function f(a: "x" | "y"): void {\n  switch (a) {\n    case "x":\n      f(a);\n  }\n}\n',
  "typescript(consistent-type-imports)": 'import { T } from "./other.ts";\nexport const a: T | null = null;\n',
  "import(no-default-export)": "export default 1;\n",
  "eslint(max-lines-per-function)": `export function f(): void {\n${"  f();\n".repeat(70)}}\n`,
  "eslint(eqeqeq)": "export const f = (a: unknown): boolean => a == null;\n",
  "typescript(only-throw-error)": 'export function f(): void {\n  throw "text";\n}\n',
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-lint-"));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(ROOT, "tsconfig.base.json"), compilerOptions: { rootDir: ".", outDir: ".build" } }),
  );
  writeFileSync(join(folder, "other.ts"), "export interface T {\n  readonly a: 1;\n}\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(Object.entries(violations))("the linter reports %s", (rule, text) => {
  writeFileSync(join(folder, "planted.ts"), text);
  expect(lint()).toContain(rule);
});

test("the linter reports nothing in a file that keeps the rules", () => {
  writeFileSync(join(folder, "planted.ts"), "export const f = (a: number): number => a + 1;\n");
  expect(lint()).toContain("0 warnings and 0 errors");
});

function lint(): string {
  const args = ["--type-aware", "--config", join(ROOT, ".oxlintrc.json"), "planted.ts"];
  return spawnSync("oxlint", args, { cwd: folder, env: toolEnvironment(), encoding: "utf8" }).stdout;
}
