import { expect } from "vitest";
import { runCli } from "../harness/run-cli.ts";
import type { FieldRow } from "./field-row.ts";

const base = `template:
  name: field_base
  version: 1.2.0
  docs: Greets.
  parameters: {name: {type: string, required: true}}
dag:
  owner: "{{ .name }}"
  tasks:
    greet: {type: bash, capture_stdout: true, operator: {bash_command: "echo Hello {{ .name }}"}}
`;

const heir = `template:
  name: field_heir
  extends: {name: field_base, version: ^1}
  parameters: {punctuation: "!"}
  tests:
    - {name: greets, parameters: {name: Ada}}
    - {name: needs a name, parameters: {}, error: MISSING_PARAMETER}
dag:
  tasks:
    shout: {type: bash, dependencies: [greet], capture_stdout: true, operator: {bash_command: "echo {{ outputs.greet.return_value }}{{ .punctuation }}"}}
`;

/** Templates, and the DAGs that are made from them. */
export const templateRows: readonly FieldRow[] = [
  {
    does: "an instance fills in a template, which may extend another one",
    shows: [
      ...["instance.id", "instance.from_template", "instance.from_template.name", "instance.from_template.version"],
      ...["instance.from_template.parameters", "template.dag", "template.template", "template.template.name"],
      ...["template.template.version", "template.template.parameters", "template.template.extends"],
      ...["template.template.extends.name", "template.template.extends.version"],
    ],
    yaml: [
      `id: field_instance
from_template: {name: field_heir, version: 0.x, parameters: {name: Ada, punctuation: "?"}}
`,
      base,
      heir,
    ],
    outputs: { shout: { return_value: "Hello Ada?" } },
  },
  {
    does: "`docs` are shown, and `tests` of a template must come out as they say",
    shows: ["template.template.docs", "template.template.tests"].concat(
      ["name", "parameters", "error"].map((key) => `template.template.tests.${key}`),
    ),
    yaml: [],
    async act({ deployment }) {
      const folder = `${deployment.folder}/other`;
      const template = (...args: readonly string[]) => runCli(["template", ...args, "--dags", folder]);
      await deployment.writeDefinition("../other/base.yaml", base);
      await deployment.writeDefinition("../other/heir.yaml", heir);
      const shown = await template("show", "field_base");
      expect(shown.stdout).toContain("Greets.");
      expect(await template("validate")).toMatchObject({ exitCode: 0 });
      await deployment.writeDefinition("../other/heir.yaml", heir.replace("{name: Ada}", "{name: 3}"));
      const broken = await template("validate");
      expect(broken).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("greets") });
    },
  },
  {
    does: "`format` 1 is that of templates and instances, another one is refused",
    shows: ["template.format", "instance.format"],
    yaml: [],
    async act({ call }) {
      const publish = (text: string) => call("templates", { content: text });
      expect(await publish(`format: 1\n${base.replace("field_base", "field_pushed")}`)).toMatchObject({ status: 201 });
      const refused = await publish(`format: 2\n${base.replace("field_base", "field_other")}`);
      expect(refused.status).toBe(400);
      expect(JSON.stringify(refused.json)).toContain("format");
      const instance = "id: of_format\nfrom_template: {name: field_pushed, parameters: {name: Ada}}\n";
      const other = await call("dags", `format: 2\n${instance}`);
      expect(other.status).toBe(400);
      expect(JSON.stringify(other.json)).toContain("format");
    },
  },
];
