import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { mutateText, seededRandom } from "#testing/mutated-text.ts";
import { compileDefinition } from "./rendering/compile-definition.ts";
import { parseDefinition } from "./parse-definition.ts";
import { planOf } from "./plan-of.ts";

const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "" }],
  [
    "bash",
    { fields: z.strictObject({ bash_command: z.string() }), code: { bash_command: "shell" as const }, description: "" },
  ],
  [
    "python",
    { fields: z.strictObject({ python_code: z.string() }), code: { python_code: "python" as const }, description: "" },
  ],
]);

function parse(text: string) {
  return parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
}

const good = `id: good
schedule: "0 2 * * *"
parameters:
  name: {type: string, default: "{{ execution_date }}", enum: [a, b]}
  count: {type: integer, minimum: 1}
default_task_config: {retries: 2, environment: {A: "{{ params.name }}"}}
tasks:
  - id: a
    type: bash
    operator: {bash_command: "echo '{{ params.count }}' \\"$(date)\\""}
  - id: b
    type: python
    dependencies: [a, {task: c, on: failure}]
    trigger_rule: all_done
    when: outputs.a.k > 1
    operator:
      python_code: |
        print("{{ outputs.a.k | default('x') }}")
  - &c {id: c, type: noop, operator: {}, timeout: 1s}
`;

test("whatever is done to a file, it is parsed or refused, and what is accepted compiles", () => {
  const parts = fc.constantFrom(
    "{{",
    "}}",
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "\n",
    "  ",
    "'",
    '"',
    "|",
    "*c",
    "&d",
    "!x",
    "null",
    "1",
    "$(",
    "`",
    "a",
    "id: a",
    "\t",
    "#",
    "\\",
    "\u0000",
    "🎈",
  );
  const change = fc.record({ at: fc.nat(good.length), remove: fc.nat(12), insert: parts });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let text = good;
      for (const { at, remove, insert } of changes) text = text.slice(0, at) + insert + text.slice(at + remove);
      const { definition, problems } = parse(text);
      const lines = text.split("\n");
      for (const { line, column } of problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
      }
      expect(definition === null).toBe(problems.some(({ warning }) => !warning));
      if (definition === null) return;
      expect(planOf(definition).tasks).toHaveLength(definition.tasks.length);
      expect(compileDefinition(definition, operators).tasks).toHaveLength(definition.tasks.length);
    }),
    { numRuns: 300 },
  );
});

describe("mutated files", () => {
  const examples = new URL("../../examples/", import.meta.url);
  const texts = readdirSync(examples, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(new URL(name, examples), "utf8"));

  // `npm run bench -- definitions fuzz` does the same with a hundred thousand, and says how long each took.
  test.each([
    ["seeds that are always the same", 1],
    ["seeds that follow from the commit", freshSeed()],
  ])("are parsed or refused, with %s", (_, first) => {
    for (let seed = first; seed < first + 500; seed += 1) {
      const text = mutateText(texts[seed % texts.length] ?? "", seededRandom(seed));
      const { definition, problems } = parse(text);
      expect(definition === null, `seed ${seed}`).toBe(problems.some(({ warning }) => !warning));
    }
  });
});

function freshSeed(): number {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  return 1_000_000 + Number.parseInt(commit.slice(0, 7), 16);
}

describe("hostile code and expressions take no time", () => {
  const value = "{{run.dag_id}}";
  const command = (code: string): string =>
    `id: x\ntasks: [{id: a, type: bash, operator: {bash_command: ${JSON.stringify(code)}}}]`;

  test.each([
    ["many words", `echo ${`${value} `.repeat(15_000)}`, null],
    ["one long word", `echo "${value.repeat(15_000)}"`, null],
    ["many subscripts", `a[${value.repeat(15_000)}`, "UNSAFE_PLACE"],
    ["a long pipe", `echo x; ${`echo ${value} | bash |`.repeat(8000)}`, "UNSAFE_PLACE"],
    ["nested substitutions", `${"$(".repeat(10_000)}${value}`, "UNSAFE_PLACE"],
    ["nested quotes", `${'"$('.repeat(10_000)}${value}`, "UNSAFE_PLACE"],
    ["nested processes", `${"<(".repeat(10_000)}${value}`, "UNSAFE_PLACE"],
    ["open expressions", "{{".repeat(9000), "UNBALANCED_BRACES"],
    ["too many expressions", value.repeat(20_001), "TOO_MANY_EXPRESSIONS"],
  ])("%s", (_, code, problem) => {
    const { problems } = parse(command(code));
    expect(problems[0]?.code ?? null).toBe(problem);
    expect(problems.length).toBeLessThanOrEqual(100);
  });

  test("loops within loops are not tried for ever", () => {
    const loops = `${"[1,2,3,4,5,6,7,8,9].map(a,".repeat(8)}1${")".repeat(8)}`;
    const tasks = Array.from(
      { length: 200 },
      (_, index) => `{id: t${index}, type: noop, operator: {}, when: "${loops} == [${index}]"}`,
    );
    expect(parse(`id: x\ntasks: [${tasks.join(", ")}]`).problems).toEqual([]);
  });

  test("errors are kept when there are too many warnings to list", () => {
    const { definition, problems } = parse(
      command(`${"echo {{ run.dag_id | raw }}\n".repeat(150)}eval {{ run.dag_id }}`),
    );
    expect(definition).toBeNull();
    expect(problems.some(({ code }) => code === "UNSAFE_PLACE")).toBe(true);
  });
});
