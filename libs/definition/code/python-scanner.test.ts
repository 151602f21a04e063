import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { type CompiledDefinition, compileDefinition } from "../rendering/compile-definition.ts";
import type { Json, JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import { scanPython } from "./python-scanner.ts";
import { renderTask } from "../rendering/render-task.ts";

const value = "{{ x }}";

function placesOf(text: string): string[] {
  return scanPython(text).holes.map(({ place }) => (place.kind === "refused" ? "no" : place.kind));
}

describe("the places of the table", () => {
  test.each([
    ["an expression", `x = ${value} + f(${value})`, ["python_literal", "python_literal"]],
    ["a string", `x = '${value}' "a ${value}"`, ["python_string", "python_string"]],
    [
      "a string of several lines",
      `x = """it's ${value}\n"${value}" """ + ${value}`,
      ["python_string", "python_string", "python_literal"],
    ],
    ["a comment", `# ${value} {{ open\nx = ${value} # '${value}`, ["python_literal"]],
    ["a mark in a string", `x = "# ${value}"`, ["python_string"]],
    ["a quote in a comment", `# it's\nx = ${value}`, ["python_literal"]],
    ["a keyword before a string", `if"{":x = ${value}`, ["python_literal"]],
    ["after escapes", String.raw`x = 'a\'b\\' + '${value}'`, ["python_string"]],
    ["a unicode prefix", `u'${value}'`, ["python_string"]],
    ["after a formatted string", `f"{a['b']:>{w}} {c!r}" + ${value}`, ["python_literal"]],
    ["after quotes within quotes of a formatted string", `f"{a["}"]}" + '${value}'`, ["python_string"]],
    ["after a quote in a format", `f"{a:'^9}" + ${value}`, ["python_literal"]],
  ])("%s", (_, text, places) => {
    expect(scanPython(text).issues).toEqual([]);
    expect(placesOf(text)).toEqual(places);
  });

  test.each([
    ["a formatted string", `f'${value}'`],
    ["the code of a formatted string", `f'{ ${value} }'`],
    ["a template string", `t"${value}"`],
    ["a raw string", `r'${value}'`],
    ["a byte string", `b"${value}"`],
    ["raw bytes", `Rb"""${value}"""`],
    ["after a name", `f${value}`],
    ["before a name", `${value}f`],
    ["before a string", `${value}'a'`],
    ["after a string", `''${value}`],
    ["after a backslash", `'\\${value}'`],
    ["after half of an escape", String.raw`'\x4${value}'`],
    ["after a name of a character", String.raw`'\N${value}'`],
  ])("%s is refused", (_, text) => {
    expect(placesOf(text)).toEqual(["no"]);
  });

  test("expressions that touch each other are refused", () => {
    expect(placesOf(`${value}${value}`)).toEqual(["no", "no"]);
  });

  test("an open string makes the places of expressions unknown", () => {
    expect(scanPython(`x = 'a\ny = ${value}`).issues).toMatchObject([{ code: "UNSAFE_PLACE", offset: 4 }]);
  });
});

const operators: OperatorSchemas = new Map([
  [
    "python",
    {
      fields: z.strictObject({ python_code: z.string().optional(), python_command: z.string().optional() }),
      code: { python_code: "python" as const, python_command: "python_command" as const },
      description: "python",
    },
  ],
]);

const compiled = new Map<string, CompiledDefinition>();

function compile(operator: JsonObject): CompiledDefinition {
  const source = `id: x\nparameters: {v: null}\ntasks: [{id: a, type: python, operator: ${JSON.stringify(operator)}}]`;
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const { definition, problems } = parseDefinition(source, { file: "x", operators, maxTaskTimeoutMs: 1000 });
  if (definition === null) throw new Error(JSON.stringify(problems));
  const result = compileDefinition(definition, operators);
  compiled.set(source, result);
  return result;
}

function render(operator: JsonObject, v: Json): { operator: JsonObject; values: Readonly<Record<string, string>> } {
  return renderTask(compile(operator), 0, {
    params: { v },
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "r", dag_id: "x", run_type: "manual", start_date: null },
    taskInstance: { task_id: "a", try_number: 1, max_tries: 1 },
    outputs: () => undefined,
    tempDir: "/tmp",
  });
}

/** Inline code, rendered. */
function renderCode(code: string, v: Json): string {
  return render({ python_code: code }, v).operator["python_code"] as string;
}

/** What Python makes of code that prints JSON. */
function run(code: string): unknown {
  const output = execFileSync("python3", ["-"], {
    input: code,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", PYTHONUTF8: "1" },
  });
  return JSON.parse(output);
}

describe("values in a real Python", () => {
  const places = ['"{{ params.v }}"', "'{{ params.v }}'", '"""\n{{ params.v }}"""[1:]', "'''\"{{ params.v }}'''[1:]"];

  test("any text arrives unchanged in every kind of string, and as a literal", () => {
    const nasty = fc.constantFrom(
      "'",
      '"',
      "'''",
      '"""',
      "\\",
      "\n",
      "\r",
      "\0",
      "{",
      "}",
      "{{",
      "#",
      "\u2028",
      "\u0085",
      "\ufeff",
      "\ud800",
      "é",
      "🎈",
      "\\x41",
      "__import__('os')",
    );
    const texts = fc
      .array(fc.oneof(nasty, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(texts, { minLength: 30, maxLength: 30 }), (all) => {
        const parts = all.map((text) => renderCode(`r.append([${places.join(", ")}, {{ params.v }}])`, text));
        const code = ["import json", "r = []", ...parts, "print(json.dumps(r))"].join("\n");
        expect(run(code)).toEqual(all.map((text) => [text, text, text, text, text]));
      }),
      { numRuns: 2 },
    );
  });

  test("any JSON arrives unchanged as a literal", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 20, maxLength: 30 }), (all) => {
        const json = JSON.parse(JSON.stringify(all)) as Json;
        const code = renderCode("import json\nprint(json.dumps({{ params.v }}))", json);
        expect(run(code)).toEqual(json);
      }),
      { numRuns: 2 },
    );
  });

  test.each([
    ["x", "print('x')"],
    [3, "print(3)"],
    [-3, "print((-3))"],
    [true, "print(True)"],
    [null, "print(None)"],
    [["a", 1, { b: false }], "print(['a', 1, {'b': False}])"],
  ])("%j", (v, code) => {
    expect(render({ python_code: "print({{ params.v }})" }, v).operator).toEqual({ python_code: code });
  });
});

describe("python_command", () => {
  test("a script and a command line follow the rules of the shell", () => {
    expect(render({ python_command: "job.py --day {{ params.v }}" }, "x")).toMatchObject({
      operator: { python_command: 'job.py --day "${MILLRACE_VALUE_1}"' },
      values: { MILLRACE_VALUE_1: "x" },
    });
    expect(render({ python_command: "python3 job.py '{{ params.v }}'" }, "x")).toMatchObject({
      operator: { python_command: `python3 job.py ''"\${MILLRACE_VALUE_1}"''` },
    });
  });

  test("inline code is handed on as what it is, so that no value makes it a command", () => {
    expect(render({ python_command: "print({{ params.v }})" }, "x")).toMatchObject({
      operator: { python_code: "print('x')" },
      values: {},
    });
    expect(render({ python_command: "print(1)" }, "x")).toMatchObject({ operator: { python_code: "print(1)" } });
    expect(render({ python_command: "{{ params.v }}" }, "a.py $(id)").operator).toEqual({
      python_code: "'a.py $(id)'",
    });
  });
});
