import { basename, dirname, join } from "node:path";
import { isJsonObject, isList, ownValue } from "#definition/json.ts";
import type { Definition, JsonObject, Problem } from "#definition/model.ts";
import { unknownTask } from "#definition/checks/check-graph.ts";
import type { Path, ProblemList } from "#definition/problem-list.ts";
import { checkSchema } from "#definition/schema/schema-problems.ts";
import { createSourcePlaces, type SourcePlaces } from "#definition/yaml/source-places.ts";
import { readYaml } from "#definition/yaml/yaml-document.ts";
import { toJson } from "#definition/yaml/yaml-value.ts";
import { parseInstant } from "../parse-instant.ts";
import { testFileSchema, type WorkflowTest } from "./test-schema.ts";

/** A file of tests that can be run. */
export interface TestFile {
  readonly path: string;
  /** The workflow's file. */
  readonly workflow: string;
  readonly tests: readonly WorkflowTest[];
  /** What is wrong with it, once the workflow is known; to be called once. */
  readonly checkNames: (definition: Definition) => readonly Problem[];
  readonly placeOf: (path: Path) => { readonly line: number; readonly column: number };
}

export type ReadTests =
  | { readonly kind: "valid"; readonly file: TestFile }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** `a.test.yaml` is about `a.yaml` unless it names another file, which is looked for beside it. */
export function readTests(text: string, path: string): ReadTests {
  const { document, problems } = readYaml(text, path);
  if (document === null) return { kind: "invalid", problems: problems.sorted() };
  const places = createSourcePlaces(document, text);
  const { value, isComplete } = toJson(document, problems);
  if (isComplete) checkShape(value, places, problems);
  if (problems.hasErrors || !isJsonObject(value)) return { kind: "invalid", problems: problems.sorted() };
  const tests = value["tests"] as unknown as readonly WorkflowTest[];
  const named = ownValue(value, "workflow");
  const workflow = typeof named === "string" ? named : basename(path).replace(/\.test(\.ya?ml)$/, "$1");
  return {
    kind: "valid",
    file: {
      path,
      workflow: join(dirname(path), workflow),
      tests,
      checkNames(definition) {
        for (const [index, test] of tests.entries())
          checkTaskNames(test, ["tests", index], definition, { places, problems });
        return problems.sorted();
      },
      placeOf: (at) => lineAndColumn(text, places.value(at).offset),
    },
  };
}

interface Reporting {
  readonly places: SourcePlaces;
  readonly problems: ProblemList;
}

function checkShape(value: unknown, places: SourcePlaces, problems: ProblemList): void {
  const root = value as JsonObject;
  for (const { path, isKey, finding } of checkSchema(testFileSchema, root)) {
    problems.add(isKey ? places.key(path) : places.value(path), finding);
  }
  const tests = isJsonObject(root) ? ownValue(root, "tests") : undefined;
  for (const [index, test] of (isList(tests) ? tests : []).entries()) {
    if (isJsonObject(test)) checkTest(test, ["tests", index], { places, problems });
  }
}

/** What the schema can't say of a test. */
function checkTest(test: JsonObject, at: Path, { places, problems }: Reporting): void {
  for (const key of ["execution_date", "now"]) {
    const text = ownValue(test, key);
    if (typeof text !== "string" || parseInstant(text) !== null) continue;
    const message = `\`${key}\` must be a date or a time with its offset, such as 2026-01-31T02:00:00Z`;
    problems.add(places.value([...at, key]), { code: "INVALID_VALUE", message });
  }
  const expected = ownValue(test, "expect");
  if (!isJsonObject(expected) || Object.keys(expected).length > 0) return;
  const message = "`expect` is empty: such a test can't fail";
  problems.add(places.value([...at, "expect"]), {
    code: "INVALID_VALUE",
    message,
    hint: "begin with `state: success`",
  });
}

/** Every name of a task must be one of the workflow's; `task[key]` names an item of a fan-out. */
function checkTaskNames(test: WorkflowTest, at: Path, { tasks }: Definition, { places, problems }: Reporting): void {
  const fansOut = new Map(tasks.map(({ id, forEach }) => [id, forEach !== undefined]));
  const check = (name: string, path: Path, isKey: boolean): void => {
    const [, id = name, key] = /^([^[\]]*)(?:\[(.*)\])?$/.exec(name) ?? [];
    const place = isKey ? places.key(path) : places.value(path);
    const isKnown = fansOut.get(id);
    if (isKnown === undefined) problems.add(place, unknownTask(id, fansOut.keys()));
    else if (key !== undefined && !isKnown)
      problems.add(place, { code: "INVALID_VALUE", message: `the task \`${id}\` has no \`for_each\`, hence no items` });
  };
  for (const [id, mock] of Object.entries(test.mocks ?? {})) {
    check(id, [...at, "mocks", id], true);
    if (mock.items !== undefined && fansOut.get(id) === false) check(`${id}[]`, [...at, "mocks", id, "items"], true);
  }
  const { tasks: states, attempts, outputs, environment, order } = test.expect;
  for (const [key, names] of Object.entries({ tasks: states, attempts, outputs, environment })) {
    for (const name of Object.keys(names ?? {})) check(name, [...at, "expect", key, name], true);
  }
  for (const [place, name] of (order ?? []).entries()) check(name, [...at, "expect", "order", place], false);
}

function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
