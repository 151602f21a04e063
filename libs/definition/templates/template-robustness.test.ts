import fc from "fast-check";
import { expect, test } from "vitest";
import { checkTemplate } from "./check-template.ts";
import { readDefinitionDocuments } from "./definition-documents.ts";
import { instantiate } from "./instantiate.ts";
import { rules } from "./template-harness.testsuite.ts";

const text = `template: {name: t, version: 1.0.0, parameters: {a: {type: string, required: true}, b: "{{ .a }}", r: {type: template_reference, default: t}}, tests: [{parameters: {a: x}}]}
dag:
  id: x
  tags: ["{{ .a }}"]
  include: [{template: "{{ .r }}", prefix: "p_", parameters: {a: "{{ .b }}"}}]
  tasks:
    - {id: "s_{{ .a }}", type: bash, when: "outputs.x.y == '{{ .a }}'", for_each: {items: "{{ [.a] }}"}, operator: {bash_command: "echo {{ .a | default 'x' }}"}}
---
from_template: {name: t, version: ^1, parameters: {a: "v {{ x }}"}}
`;
const inserted = fc.constantFrom(
  ...[
    "",
    "{{",
    "}}",
    ".",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "null",
    "1",
    "|",
    "remove: true, ",
    "\n",
    "&a ",
    "*a",
    "extends: t, ",
  ],
);
const edit = fc.record({ at: fc.nat(text.length), length: fc.nat(6), insert: inserted });

test("whatever is done to a file, it is read or refused, and each problem has a place in it", () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 5 }), (edits) => {
      const changed = edits.reduce(
        (before, { at, length, insert }) => before.slice(0, at) + insert + before.slice(at + length),
        text,
      );
      const { templates, instance, problems } = readDefinitionDocuments(changed, "f.yaml");
      const options = { ...rules, catalog: { templates, broken: [] } };
      const found = [...problems, ...templates.flatMap((template) => checkTemplate(template, options))];
      if (instance !== null) found.push(...instantiate(instance, { ...options, instanceName: "i" }).problems);
      const lines = changed.split("\n");
      for (const { file, line, column } of found) {
        expect(file).toBe("f.yaml");
        expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? -1) + 1);
      }
    }),
    { numRuns: 300 },
  );
});
