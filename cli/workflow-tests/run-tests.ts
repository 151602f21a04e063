import { glob, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "#definition/model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { type DefinitionRules, readDefinition } from "#services/parser/read-definition.ts";
import type { ValidDefinition } from "../local/local-run.ts";
import { templatesFor } from "../templates/template-files.ts";
import { checkExpectations, type Failure } from "./check-expectations.ts";
import { runMocked } from "./mocked-run.ts";
import { readTests, type TestFile } from "./read-tests.ts";
import type { WorkflowTest } from "./test-schema.ts";

/** What did not come true, with its place in the file of tests. */
export interface PlacedFailure {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface TestOutcome {
  readonly name: string;
  readonly line: number;
  /** Empty: it passed. */
  readonly failures: readonly PlacedFailure[];
}

export interface FileOutcome {
  readonly file: string;
  readonly workflow: string;
  /** What is wrong with the file or its workflow; none of its tests ran then. */
  readonly problems: readonly Problem[];
  readonly tests: readonly TestOutcome[];
}

const testFilePattern = "**/*.test.{yaml,yml}";

/** The files of tests below folders, by name; what is no folder is a file of tests. Throws `INVALID_ARGUMENT`. */
export async function findTestFiles(paths: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (stats) => stats.isDirectory(),
      (cause: unknown) => {
        throw new AppError("INVALID_ARGUMENT", `can't read ${path}: ${describeError(cause)}`, { cause });
      },
    );
    if (!isFolder) {
      found.add(path);
      continue;
    }
    const below: string[] = [];
    const exclude = (name: string): boolean => name === "node_modules" || (name.startsWith(".") && name !== ".");
    for await (const file of glob(testFilePattern, { cwd: path, exclude })) below.push(join(path, file));
    for (const file of below.toSorted((a, b) => a.localeCompare(b, "en"))) found.add(file);
  }
  return [...found];
}

/** Runs every test of a file; a file that can't be used has problems instead. */
export async function runTestFile(path: string, rules: DefinitionRules): Promise<FileOutcome> {
  const read = readTests(await readText(path), path);
  if (read.kind === "invalid") return { file: path, workflow: "", problems: read.problems, tests: [] };
  const { file } = read;
  const { workflow } = file;
  const definition = await readWorkflow(file, rules);
  if (definition.kind === "invalid") return { file: path, workflow, problems: definition.problems, tests: [] };
  const problems = file.checkNames(definition.read.definition);
  if (problems.length > 0) return { file: path, workflow, problems, tests: [] };
  const tests: TestOutcome[] = [];
  for (const [index, test] of file.tests.entries()) {
    const failures = await runTest(test, definition.read, { file: workflow, operators: rules.operators });
    const placed = failures.map(({ path: at, message }) => ({ ...file.placeOf(["tests", index, ...at]), message }));
    const failuresByPlace = placed.toSorted((a, b) => a.line - b.line || a.column - b.column);
    tests.push({ name: test.name, line: file.placeOf(["tests", index]).line, failures: failuresByPlace });
  }
  return { file: path, workflow, problems: [], tests };
}

async function runTest(
  test: WorkflowTest,
  read: ValidDefinition,
  given: Pick<DefinitionRules, "operators"> & { readonly file: string },
): Promise<readonly Failure[]> {
  const { refused } = test.expect;
  try {
    return checkExpectations(test.expect, await runMocked({ ...given, read, test }));
  } catch (thrown) {
    const error = AppError.from(thrown);
    if (error.kind === "internal") throw error;
    if (error.code === refused) return [];
    const message = `${error.code}: ${error.message}`;
    if (refused !== undefined)
      return [
        {
          path: ["expect", "refused"],
          message: `expected the run to be refused with ${refused}, but it was with ${message}`,
        },
      ];
    return [{ path: ["name"], message: `the run did not go: ${message}` }];
  }
}

type ReadWorkflow =
  | { readonly kind: "valid"; readonly read: ValidDefinition }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

async function readWorkflow({ path, workflow, placeOf }: TestFile, rules: DefinitionRules): Promise<ReadWorkflow> {
  let content: Uint8Array;
  try {
    content = await readFile(workflow);
  } catch (cause) {
    const message = `the workflow ${workflow} can't be read: ${describeError(cause)}`;
    const hint = "name the file, from the folder of this one, under `workflow`";
    const problem = { file: path, ...placeOf(["workflow"]), code: "NO_WORKFLOW", message, hint, warning: false };
    return { kind: "invalid", problems: [problem] };
  }
  const templates = await templatesFor(workflow, null);
  const read = readDefinition(content, workflow, { ...rules, templates });
  return read.kind === "valid" ? { kind: "valid", read } : { kind: "invalid", problems: read.problems };
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new AppError("INVALID_ARGUMENT", `can't read ${path}: ${describeError(cause)}`, { cause });
  });
}
