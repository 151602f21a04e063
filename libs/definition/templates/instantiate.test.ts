import { describe, expect, test } from "vitest";
import { describe as problemText, instanceOf, make } from "./template-harness.testsuite.ts";

const etl = `template:
  name: etl
  version: 1.2.0
  parameters:
    source_table: {type: string, required: true}
    retries: {type: integer, default: 2, maximum: 5}
    label: "copy of {{ .source_table }}"
dag:
  id: "{{ .template.name }}_{{ .source_table }}"
  description: "{{ .label }} by {{ .template.name }} {{ .template.version }}"
  schedule: "{{ .schedule | default '0 2 * * *' }}"
  parameters: {region: eu}
  tasks:
    extract:
      type: sql
      operator: {query: "SELECT * FROM {{ .source_table }} WHERE day = '{{ execution_date }}' AND n > {{ .retries }}"}
      retries: "{{ .retries }}"
    load:
      type: bash
      dependencies: [extract]
      operator: {bash_command: "load '{{ .source_table | upper }}' {{ params.region }} {{ .execution_date }}"}
      when: "params.region == '{{ .source_table }}' || .retries > 1"
`;

function problemsOf(instance: string, files: Readonly<Record<string, string>>): string[] {
  return make(instance, files).problems.map(problemText);
}

/** A template with one task that does nothing, and what is given of its header and body. */
function small(header: string, body = ""): string {
  return `template: {name: small, ${header}}\ndag:\n  id: x\n  tasks: [{id: a, type: noop, operator: {}}]\n${body}`;
}

describe("an instance", () => {
  test("is the template's body with the values filled in", () => {
    const { written, definition, problems, uses } = make(instanceOf("etl", { source_table: "orders" }), {
      "etl.yaml": etl,
    });
    expect(problems).toEqual([]);
    expect(written).toEqual({
      id: "etl_orders",
      description: "copy of orders by etl 1.2.0",
      schedule: "0 2 * * *",
      parameters: { region: "eu" },
      tasks: [
        {
          id: "extract",
          type: "sql",
          operator: {
            query: `SELECT * FROM {{ "orders" | ident }} WHERE day = '{{ execution_date }}' AND n > {{ 2 }}`,
          },
          retries: 2,
        },
        {
          id: "load",
          type: "bash",
          dependencies: ["extract"],
          operator: { bash_command: `load '{{ "ORDERS" }}' {{ params.region }} {{  execution_date }}` },
          when: `params.region == "orders" || 2 > 1`,
        },
      ],
    });
    expect(definition).toMatchObject({ id: "etl_orders", tasks: [{ retry: { maxRetries: 2 } }, {}] });
    expect(uses).toEqual([{ name: "etl", version: "1.2.0", hash: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  });

  test("has its own id, else the template's, else the names of both", () => {
    const file = small("version: 1.0.0");
    expect(make("id: mine\nfrom_template: {name: small}", { "s.yaml": file }).id).toBe("mine");
    expect(make(instanceOf("small"), { "s.yaml": file }).id).toBe("x");
    expect(make(instanceOf("small"), { "s.yaml": file.replace("  id: x\n", "") }).id).toBe("small_orders");
  });

  test.each([
    ["a missing value", {}, "orders.yaml:1:26 MISSING_PARAMETER the parameter `source_table` is required"],
    [
      "an unknown name",
      { source_table: "t", sourcetable: "u" },
      "orders.yaml:1:65 UNKNOWN_PARAMETER the template has no parameter `sourcetable` (did you mean `source_table`?)",
    ],
    [
      "a broken rule",
      { source_table: "t", retries: 9 },
      "orders.yaml:1:75 INVALID_PARAMETER `retries` must be at most 5",
    ],
  ])("%s is one problem, in its own file", (_name, parameters, problem) => {
    expect(problemsOf(instanceOf("etl", parameters), { "etl.yaml": etl })).toEqual([problem]);
  });

  test("what is wrong in the body is said at its place in the template, by name", () => {
    const file = small("version: 2.0.0, parameters: {n: 3}", '  owner: "{{ .n }}"\n  tag: [x]\n');
    expect(problemsOf(instanceOf("small"), { "small.yaml": file })).toEqual([
      'small.yaml:5:10 INVALID_TYPE template small: `owner` must be text, not 3 (put it in quotes: "3")',
      "small.yaml:6:3 UNKNOWN_KEY template small: the key `tag` is not known (did you mean `tags`?)",
    ]);
  });

  test("a place within a text survives the filling", () => {
    const file = `template: {name: small, parameters: {long: abcdefghijklmnop}}
dag:
  id: x
  tasks:
    - {id: a, type: bash, operator: {bash_command: "echo {{ .long }} {{ outputs.b.c }}"}}
`;
    expect(problemsOf(instanceOf("small"), { "small.yaml": file })).toEqual([
      expect.stringMatching(/^small\.yaml:5:73 UNKNOWN_TASK template small: /),
    ]);
  });
});

describe("a name with a leading dot", () => {
  test.each([
    ["{{ .regio }}", "UNKNOWN_NAME template small: the template has no parameter `regio` (did you mean `.region`?)"],
    ["{{ .gap }}", "VALUE_MISSING template small: the parameter `gap` has no value"],
    ["{{ .region | uper }}", "UNKNOWN_FILTER template small: the filter `uper` is not known"],
    ["{{ .region + 1 }}", "EXPRESSION_FAILED template small: {{ .region + 1 }}"],
  ])("%s", (text, problem) => {
    const file = small("parameters: {region: eu, gap: {type: string}}", `  description: "${text}"\n`);
    expect(problemsOf(instanceOf("small"), { "small.yaml": file })).toEqual([expect.stringContaining(problem)]);
  });

  test.each([
    ["{{ .other | default 'x' }}", "x"],
    ["{{ .gap | default .region | upper }}", "EU"],
    ["{{ 'eu' in [.region] ? .region : 'no' }}", "eu"],
    ["{{ .map.key }}-{{ .list[0] }}", "v-1"],
    ["{{ params.x }} and {{ 'y' }}", "{{ params.x }} and {{ 'y' }}"],
    ["no }} braces {{", "no }} braces {{"],
  ])("%s becomes %s", (text, value) => {
    const header = "parameters: {region: eu, gap: {type: string}, map: {key: v}, list: [1]}";
    const file = small(header, `  description: ${JSON.stringify(text)}\n`);
    expect(make(instanceOf("small"), { "small.yaml": file })).toMatchObject({
      problems: [],
      written: { description: value },
    });
  });

  test("reads only the parameters before it in a default", () => {
    const file = small(`parameters: {a: "{{ .b }}", b: 1}`);
    expect(problemsOf(instanceOf("small"), { "s.yaml": file })).toEqual([
      expect.stringContaining("UNKNOWN_NAME template small: the parameter `b` is set after this one"),
    ]);
  });

  test("can't stand in a key, and its value can't be code or a task", () => {
    const header = "parameters: {op: {default: {bash_command: 'rm -rf /'}}, k: x, all: {default: [{id: z}]}}";
    const file = `template: {name: small, ${header}}
dag:
  id: x
  tasks:
    - {id: a, type: bash, operator: "{{ .op }}"}
    - "{{ .all }}"
    - {id: b, type: noop, operator: {}, environment: {"{{ .k }}": 1}}
`;
    const codes = make(instanceOf("small"), { "s.yaml": file }).problems.map(({ code, line }) => `${line} ${code}`);
    expect(codes).toEqual(expect.arrayContaining(["5 UNSAFE_PLACE", "6 UNSAFE_PLACE", "7 INVALID_KEY"]));
  });

  test("values that grow by each other end at the limit", () => {
    const doubling = Array.from({ length: 40 }, (_, n) => `p${n + 1}: "{{ .p${n} }}{{ .p${n} }}"`).join(", ");
    const file = small(`parameters: {p0: "0123456789", ${doubling}}`);
    expect(problemsOf(instanceOf("small"), { "s.yaml": file })[0]).toContain("TEMPLATE_TOO_LARGE");
  });
});

describe("values in code", () => {
  const body = (task: string): string =>
    `template: {name: small, parameters: {v: "x", s: "a 'b' \\"c\\" $(d) \`e\`; #\\n{{ f }} | g"}}\ndag:\n  id: x\n  tasks: [${task}]\n`;

  test.each([
    ['{id: a, type: bash, operator: {bash_command: "echo {{ .s }}"}}'],
    ["{id: a, type: bash, operator: {bash_command: \"echo '{{ .s }}'\"}}"],
    ['{id: a, type: python, operator: {python_code: "print({{ .s }})"}}'],
    ["{id: a, type: sql, operator: {query: \"SELECT '{{ .s }}', {{ .s }} FROM {{ .s }}\"}}"],
  ])("%s is accepted, and the value stays an expression", (task) => {
    const { problems, written } = make(instanceOf("small"), { "s.yaml": body(task) });
    expect(problems).toEqual([]);
    expect(JSON.stringify(written)).not.toContain("{{ f");
  });

  test("an unsafe place is refused at the template's line, and `raw` stays a warning", () => {
    const refused = body('{id: a, type: bash, operator: {bash_command: "echo $(( {{ .v }} ))"}}');
    expect(problemsOf(instanceOf("small"), { "s.yaml": refused })).toEqual([
      expect.stringMatching(/^s\.yaml:4:66 UNSAFE_PLACE template small: /),
    ]);
    const raw = body('{id: a, type: bash, operator: {bash_command: "echo {{ .v | upper | raw }}"}}');
    const { problems, written } = make(instanceOf("small"), { "s.yaml": raw });
    expect(problems.map(({ code }) => code)).toEqual(["RAW_EXPRESSION"]);
    expect(written).toMatchObject({ tasks: [{ operator: { bash_command: 'echo {{ "X" | raw }}' } }] });
  });

  test("a template's value within an expression of run time is a constant of it", () => {
    const file = body('{id: a, type: noop, operator: {}, environment: {E: "{{ params.p + .v }}"}}');
    expect(make(instanceOf("small"), { "s.yaml": file }).written).toMatchObject({
      tasks: [{ environment: { E: '{{ params.p + "x" }}' } }],
    });
  });
});
