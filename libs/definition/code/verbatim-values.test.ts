import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { compileDefinition } from "../rendering/compile-definition.ts";
import type { Json, JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import type { RenderContext } from "../rendering/render-context.ts";
import { type RenderedTask, renderTask } from "../rendering/render-task.ts";

const operators: OperatorSchemas = new Map([
  [
    "work",
    {
      fields: z.strictObject({ command: z.string(), anything: z.unknown() }),
      code: { command: "shell" as const },
      description: "",
    },
  ],
]);

const command = [
  "printf '%s\\n' {{ params.value }} \"{{ params.value }}\" 'a {{ params.value }} b'",
  "cat <<END",
  "{{ outputs.first.value }}",
  "END",
].join("\n");

const definition = parseDefinition(
  JSON.stringify({
    id: "dag",
    tasks: [
      { id: "first", type: "work", operator: { command: "true", anything: 1 } },
      {
        id: "a",
        type: "work",
        dependencies: ["first"],
        operator: { command, anything: ["{{ params.value }}", "x{{ outputs.first.value }}y"] },
      },
    ],
  }),
  { file: "x", operators, maxTaskTimeoutMs: 1000 },
).definition;

function render(value: Json): RenderedTask {
  if (definition === null) throw new Error("the definition of this test is wrong");
  const context: RenderContext = {
    params: { value } satisfies JsonObject,
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "", dag_id: "dag", run_type: "manual", start_date: null },
    taskInstance: { task_id: "a", try_number: 1, max_tries: 1 },
    outputs: () => ({ value }),
    tempDir: "/tmp/1",
  };
  return renderTask(compileDefinition(definition, operators), 1, context);
}

/** Texts that a shell or a template would do something with, if it saw them as its own. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "{{ params.value }}",
        "{{ 1 + 1 }}",
        "{{",
        "}}",
        "$(echo executed)",
        "`echo executed`",
        "$HOME",
        "${IFS}",
        "'",
        '"',
        "\\",
        "\n",
        "END",
        "END\n",
        "; echo executed #",
        "&& echo executed",
        "%s",
        "%n",
        "*",
        "~",
        "!",
        "-e",
        "🎈",
        "\t",
        "\r",
      ),
      fc.string({ maxLength: 5 }).map((text) => text.replaceAll("\0", "")),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join("").replaceAll(/\p{Cs}/gu, ""));

test("whatever a parameter or an output holds, it reaches the shell and the fields as it is", () => {
  fc.assert(
    fc.property(hostileText, (value) => {
      const rendered = render(value);
      const { stdout, status } = spawnSync("bash", ["-c", rendered.operator["command"] as string], {
        env: { ...rendered.environment, ...rendered.values, PATH: "/usr/bin:/bin" },
        encoding: "utf8",
      });
      expect(status).toBe(0);
      expect(stdout).toBe(`${value}\n${value}\na ${value} b\n${value}\n`);
      expect(rendered.operator["anything"]).toEqual([value, `x${value}y`]);
    }),
    { numRuns: 15 },
  );
});

test("a NUL, which no variable can hold, is refused in code", () => {
  expect(() => render("a\0b")).toThrow("holds a NUL character");
});
