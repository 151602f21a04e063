import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileDefinition, taskAt } from "../rendering/compile-definition.ts";
import type { Json } from "../model.ts";
import { plainContext } from "../rendering/plain-context.testsuite.ts";
import { finishBody, mergeBodies } from "./merge-bodies.ts";
import type { Source } from "./source-findings.ts";
import { isSourcedMap, plainObject, type SourcedMap, sourcedNode } from "./sourced-tree.ts";
import { instanceOf, make, operators } from "./template-harness.testsuite.ts";

/** Pieces of text that mean something to YAML, to expressions, or to one of the languages. */
const hostile = fc.constantFrom(
  "{{",
  "}}",
  "{",
  "}",
  "{{ params.x }}",
  "{{ .v }}",
  "{{ secrets.s }}",
  "\n",
  "\n- ",
  ": ",
  "- ",
  "&a",
  "*a",
  "!!str ",
  "|",
  ">",
  "#",
  '"',
  "'",
  "`",
  "$(id)",
  "${x}",
  "\\",
  "\t",
  "%",
  "\u0000",
  "é",
  "😀",
  "id: z",
  "null",
  "true",
  "1",
);
const value = fc.array(fc.oneof(hostile, fc.string({ maxLength: 4 })), { maxLength: 8 }).map((parts) => parts.join(""));

const template = `template: {name: t, parameters: {v: {type: string, required: true}, n: "<{{ .v }}>"}}
dag:
  id: d
  description: "a {{ .v }}{{ .v }} b"
  owner: "{{ .v }}"
  tags: ["{{ .v }}!"]
  parameters: {p: "{{ .v }}", q: "{ {{ .v }}{{ .n }} }"}
  tasks:
    - id: sh
      type: bash
      operator: {bash_command: "echo {{ .v }} '{{ .v }}' \\"{{ .v }}\\"", note: ["{{ .v }}", "x{{ .v }}y"]}
      environment: {E: "{{ .v }}", F: "{{ .v }}{ {{ params.p }}"}
      when: "'{{ .v }}' == .v && params.p == .v"
    - {id: py, type: python, operator: {python_code: "x = {{ .v }}"}}
    - {id: q, type: sql, operator: {query: "SELECT '{{ .v }}', {{ .v }}"}}
`;

describe("a value", () => {
  test("arrives verbatim wherever it is filled in, and nothing of it becomes YAML, a key, a task or an expression", () => {
    fc.assert(
      fc.property(value, (v) => {
        // A lone half of a surrogate pair can't be written in UTF-8.
        fc.pre(v.isWellFormed());
        const { definition, written } = make(instanceOf("t", { v }), { "t.yaml": template });
        expect(definition).not.toBeNull();
        if (definition === null || written === null) return;
        expect(Object.keys(written).toSorted()).toEqual(["description", "id", "owner", "parameters", "tags", "tasks"]);
        expect(definition).toMatchObject({ description: `a ${v}${v} b`, owner: v, tags: [`${v}!`] });
        expect(definition.tasks.map(({ id }) => id)).toEqual(["sh", "py", "q"]);
        const compiled = compileDefinition(definition, operators);
        const values = new Map<string, string>();
        const sink = { set: (name: string, each: string) => void values.set(name, each) };
        const scope = { context: plainContext({ p: v }), doubles: new Set<string>() };
        expect(compiled.defaults.get("p")?.render(scope, sink)).toBe(v);
        expect(compiled.defaults.get("q")?.render(scope, sink)).toBe(`{ ${v}<${v}> }`);
        const shell = taskAt(compiled, 0);
        const operator = shell.operator.render(scope, sink) as { bash_command: string; note: Json };
        expect(operator.bash_command.replaceAll("${MILLRACE_VALUE_1}", "V")).toBe(`echo "V" ''"V"'' "V"`);
        expect([...values.values()]).toEqual([v]);
        expect(operator.note).toEqual([v, `x${v}y`]);
        expect(shell.environment.render(scope, sink)).toEqual({ E: v, F: `${v}{ ${v}` });
        expect(taskAt(compiled, 2).operator.render(scope, sink)).toEqual({
          query: ["SELECT '", { value: v }, "', ", { value: v }],
        });
      }),
      { numRuns: 300 },
    );
  });

  test("of any kind keeps its kind where it stands alone", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3, stringUnit: hostile }), (any) => {
        const v = JSON.parse(JSON.stringify(any)) as Json;
        const file = `template: {name: t, parameters: {v: null}}
dag: {id: d, tasks: [{id: a, type: bash, operator: {bash_command: "true", note: "{{ .v }}"}}]}
`;
        fc.pre(!/\d{16}|e\+/.test(JSON.stringify(v)));
        const { definition } = make(instanceOf("t", { v }), { "t.yaml": file });
        if (definition === null) throw new Error("the value was refused");
        const task = taskAt(compileDefinition(definition, operators), 0);
        const scope = { context: plainContext({}), doubles: new Set<string>() };
        expect(task.operator.render(scope, { set: () => undefined })).toEqual({ bash_command: "true", note: v });
      }),
      { numRuns: 200 },
    );
  });
});

test("the same documents make the same definition, in whatever order the templates are known", () => {
  const files = { "a.yaml": template, "b.yaml": template.replace("name: t,", "name: u, version: 1.0.0,") };
  const turned = Object.fromEntries(Object.entries(files).toReversed());
  fc.assert(
    fc.property(value, (v) => {
      const [one, other] = [files, turned].map((each) => make(instanceOf("t", { v }), each));
      expect(one?.definition).toEqual(other?.definition);
      expect(JSON.stringify(one?.written)).toBe(JSON.stringify(other?.written));
    }),
    { numRuns: 30 },
  );
});

describe("merging bodies", () => {
  const word = fc.constantFrom("a", "b", "c");
  const map = fc.dictionary(word, fc.constantFrom(1, 2, 3), { maxKeys: 3 });
  const fields = { type: fc.constantFrom("x", "y"), operator: map, environment: map, retries: fc.nat(3) };
  const kept = fc.record(fields, { requiredKeys: [] });
  const task = fc.oneof(
    { weight: 4, arbitrary: kept },
    fc.record({ ...fields, remove: fc.constant(true) }, { requiredKeys: ["remove"] }),
  );
  const body = fc
    .record(
      {
        owner: word,
        tags: fc.array(word, { maxLength: 3 }),
        parameters: map,
        default_task_config: fc.record({ retries: fc.nat(3), environment: map }, { requiredKeys: [] }),
        tasks: fc.dictionary(fc.constantFrom("a", "b"), task, { minKeys: 1 }),
      },
      { requiredKeys: [] },
    )
    .map((json) => bodyOf(json as Json));
  const source: Source = {
    file: "f",
    lineStarts: [0],
    label: "",
    places: { value: () => ({ offset: 0 }), key: () => ({ offset: 0 }), within: () => ({ offset: 0 }) },
  };

  function bodyOf(json: Json): SourcedMap {
    const { value: node } = sourcedNode(json, source, []);
    return isSourcedMap(node) ? node : new Map();
  }

  test("is associative", () => {
    fc.assert(
      fc.property(body, body, body, (a, b, c) => {
        const left = plainObject(finishBody(mergeBodies(mergeBodies(a, b), c)));
        const right = plainObject(finishBody(mergeBodies(a, mergeBodies(b, c))));
        expect(left).toEqual(right);
      }),
      { numRuns: 500 },
    );
  });

  test("with an empty body changes nothing", () => {
    fc.assert(
      fc.property(body, (a) => {
        expect(plainObject(finishBody(mergeBodies(a, new Map())))).toEqual(plainObject(finishBody(a)));
      }),
    );
  });
});
