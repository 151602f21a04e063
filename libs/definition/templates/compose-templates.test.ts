import { describe, expect, test } from "vitest";
import { checkTemplate, inheritedBy } from "./check-template.ts";
import { readDefinitionDocuments } from "./definition-documents.ts";
import { catalogOf, describe as problemText, instanceOf, make, rules } from "./template-harness.testsuite.ts";

const base = `template: {name: base, version: 1.0.0, parameters: {team: {type: string, required: true}, retries: 1}}
dag:
  owner: "{{ .team }}"
  tags: [shared]
  default_task_config: {retries: "{{ .retries }}", environment: {A: a, B: b}}
  tasks:
    - {id: first, type: noop, operator: {}}
    - {id: middle, type: bash, dependencies: [first], operator: {bash_command: echo base, note: n}, environment: {X: x}}
    - {id: last, type: noop, dependencies: [first], operator: {}}
`;
const heir = `template: {name: heir, version: 2.0.0, extends: base@^1, parameters: {retries: 4}}
dag:
  tags: [own, shared]
  default_task_config: {environment: {B: c}}
  tasks:
    middle: {operator: {bash_command: echo heir}, environment: {Y: y}}
    last: {remove: true}
    extra: {type: noop, operator: {}, dependencies: [middle]}
`;

function codes(instance: string, files: Readonly<Record<string, string>>): string[] {
  return make(instance, files).problems.map(({ code }) => code);
}

describe("extends", () => {
  test("merges tasks by id, appends tags, and takes parameters over", () => {
    const { written, problems } = make(instanceOf("heir", { team: "data" }), { "b.yaml": base, "h.yaml": heir });
    expect(problems).toEqual([]);
    expect(written).toEqual({
      id: "heir_orders",
      owner: "data",
      tags: ["shared", "own"],
      default_task_config: { retries: 4, environment: { A: "a", B: "c" } },
      tasks: [
        { id: "first", type: "noop", operator: {} },
        {
          id: "middle",
          type: "bash",
          dependencies: ["first"],
          operator: { bash_command: "echo heir", note: "n" },
          environment: { X: "x", Y: "y" },
        },
        { id: "extra", type: "noop", operator: {}, dependencies: ["middle"] },
      ],
    });
  });

  test("finds what is wrong in the file that says it", () => {
    const broken = heir.replace("dependencies: [middle]", "dependencies: [last]");
    expect(
      make(instanceOf("heir", { team: "d" }), { "b.yaml": base, "h.yaml": broken }).problems.map(problemText),
    ).toEqual([expect.stringMatching(/^h\.yaml:8:\d+ UNKNOWN_TASK template heir: /)]);
    const far = base.replace("type: noop", "type: nop");
    expect(
      make(instanceOf("heir", { team: "d" }), { "b.yaml": far, "h.yaml": heir }).problems.map(problemText),
    ).toEqual(["b.yaml:7:25 UNKNOWN_OPERATOR template base: there is no kind of work `nop` (did you mean `noop`?)"]);
  });

  test("a task with another type brings its own operator", () => {
    const other = heir.replace("{operator: {bash_command: echo heir},", "{type: noop, operator: {},");
    expect(make(instanceOf("heir", { team: "d" }), { "b.yaml": base, "h.yaml": other }).written).toMatchObject({
      tasks: [{}, { type: "noop", operator: {} }, {}],
    });
  });

  test("a circle is refused with its path", () => {
    const circle = base.replace("name: base, version: 1.0.0,", "name: base, version: 1.0.0, extends: heir,");
    expect(
      make(instanceOf("heir", { team: "d" }), { "b.yaml": circle, "h.yaml": heir }).problems.map(problemText),
    ).toEqual([
      "b.yaml:1:49 TEMPLATE_CYCLE template base: `extends` goes in a circle: heir 2.0.0 → base 1.0.0 → heir 2.0.0 (remove one of them)",
    ]);
  });

  test("a template says what it inherits", () => {
    const catalog = catalogOf({ "b.yaml": base, "h.yaml": heir });
    const template = catalog.templates.find(({ name }) => name === "heir");
    expect(template && inheritedBy(template, { catalog })).toEqual({
      from: ["base 1.0.0"],
      parameters: ["team"],
      tasks: ["first", "middle"],
      changedTasks: ["middle"],
    });
  });
});

describe("include", () => {
  const load = `template: {name: load, version: 1.0.0, parameters: {target: {type: string, required: true}}}
dag:
  parameters: {day: today}
  default_task_config: {retry: {max_retries: 5, delay: 1s}, environment: {A: load}}
  tasks:
    - {id: stage, type: bash, operator: {bash_command: "stage {{ .target }} {{ params.day }}"}}
    - {id: apply, type: bash, dependencies: [{task: stage, on: completion}], retries: 1, when: "outputs.stage.rows > 0",
       operator: {bash_command: "apply {{ outputs.stage.rows }} {{ xcom_pull('stage', 'x') }} {{ upstream['stage'].y }}"}}
`;
  const whole = `template: {name: whole, parameters: {loader: {type: template_reference, default: load}, suffix: b}}
dag:
  id: whole
  include:
    - {template: "{{ .loader }}", prefix: "a_", parameters: {target: one}}
    - {template: load, version: ^1, prefix: "{{ .suffix }}-", parameters: {target: two}}
  tasks:
    - {id: begin, type: noop, operator: {}, downstream: [a_stage]}
    - {id: end, type: noop, operator: {}, dependencies: [b-apply]}
`;

  test("takes the tasks of other templates under a prefix; edges and outputs follow", () => {
    const { written, problems } = make(instanceOf("whole"), { "l.yaml": load, "w.yaml": whole });
    expect(problems).toEqual([]);
    expect(written).toMatchObject({ id: "whole", parameters: { day: "today" } });
    expect((written as { tasks: unknown[] }).tasks.slice(2, 4)).toEqual([
      {
        id: "a_stage",
        type: "bash",
        operator: { bash_command: 'stage {{ "one" }} {{ params.day }}' },
        retry: { max_retries: 5, delay: "1s" },
        environment: { A: "load" },
      },
      {
        id: "a_apply",
        type: "bash",
        dependencies: [{ task: "a_stage", on: "completion" }],
        retries: 1,
        when: 'outputs["a_stage"].rows > 0',
        operator: {
          bash_command: `apply {{ outputs["a_stage"].rows }} {{ xcom_pull("a_stage", 'x') }} {{ outputs["a_stage"].y }}`,
        },
        retry: { delay: "1s" },
        environment: { A: "load" },
      },
    ]);
    expect((written as { tasks: { id: string }[] }).tasks.map(({ id }) => id)).toEqual([
      "begin",
      "end",
      "a_stage",
      "a_apply",
      "b-stage",
      "b-apply",
    ]);
  });

  test.each([
    ["an unknown template", whole.replace("template: load", "template: laod"), "UNKNOWN_TEMPLATE"],
    ["a version that is not there", whole.replace("^1", "^3"), "UNKNOWN_TEMPLATE"],
    ["no range", whole.replace("^1", "one"), "INVALID_VERSION"],
    ["a circle", whole.replace("template: load, version: ^1", "template: whole"), "TEMPLATE_CYCLE"],
    ["an unknown key", whole.replace('prefix: "a_"', 'prefix: "a_", as: x'), "UNKNOWN_KEY"],
    ["a reference to nothing", whole.replace("default: load", "default: nothing"), "UNKNOWN_TEMPLATE"],
  ])("%s is refused", (_name, text, code) => {
    expect(codes(instanceOf("whole"), { "l.yaml": load, "w.yaml": text })).toContain(code);
  });

  test("hooks of tasks come along; what they read follows too", () => {
    const hook = `{type: noop, when: "outputs.a.n > 0", operator: {x: "{{ outputs.a.n }}"}}`;
    const part = `template: {name: part}\ndag: {tasks: [{id: a, type: noop, operator: {}, on_success: ${hook}}]}\n`;
    const all = "template: {name: all}\ndag: {id: all, include: [{template: part, prefix: p_}]}\n";
    const { written } = make(instanceOf("all"), { "p.yaml": part, "a.yaml": all });
    expect(written).toMatchObject({
      tasks: [{ id: "p_a", on_success: { when: 'outputs["p_a"].n > 0', operator: { x: '{{ outputs["p_a"].n }}' } } }],
    });
  });

  test("an output that can't follow the prefix is refused", () => {
    const odd = load.replace("xcom_pull('stage', 'x')", "xcom_pull(key='x', task_ids='stage')");
    const { problems } = make(instanceOf("whole"), { "l.yaml": odd, "w.yaml": whole });
    expect(problems[0]?.message).toContain("can't follow the prefix");
  });

  test("templates that double each other end at the limit", () => {
    const files: Record<string, string> = {
      "0.yaml": "template: {name: t0}\ndag: {tasks: [{id: a, type: noop, operator: {}}]}\n",
    };
    for (let n = 1; n <= 20; n += 1) {
      const entries = ["x_", "y_"].map((prefix) => `{template: t${n - 1}, prefix: ${prefix}}`);
      files[`${n}.yaml`] = `template: {name: t${n}}\ndag: {include: [${entries.join(", ")}]}\n`;
    }
    expect(codes(instanceOf("t20"), files)).toContain("TEMPLATE_TOO_LARGE");
  });
});

describe("versions", () => {
  const version = (number: string): string =>
    `template: {name: t, version: ${number}}\ndag: {description: "${number}", tasks: [{id: a, type: noop, operator: {}}]}\n`;
  const files = Object.fromEntries(
    ["1.0.0", "1.2.0", "2.0.0", "3.0.0-rc.1"].map((each) => [`${each}.yaml`, version(each)]),
  );

  test.each([
    [undefined, "2.0.0"],
    ["^1", "1.2.0"],
    ["~1.0", "1.0.0"],
    ["3.0.0-rc.1", "3.0.0-rc.1"],
  ])("%s chooses %s", (range, chosen) => {
    expect(make(instanceOf("t", {}, range), files).written).toMatchObject({ description: chosen });
  });

  test("that no template has are refused with those that there are", () => {
    expect(make(instanceOf("t", {}, "^4"), files).problems.map(problemText)).toEqual([
      "orders.yaml:1:26 UNKNOWN_TEMPLATE no version of the template `t` fits ^4 (there are 3.0.0-rc.1, 2.0.0, 1.2.0, 1.0.0)",
    ]);
  });

  test("one version serves every wish, or the conflict names who wants what", () => {
    const user = (name: string, range: string): string =>
      `template: {name: ${name}}\ndag: {include: [{template: t, version: "${range}", prefix: x_}]}\n`;
    const both = "template: {name: both}\ndag: {include: [{template: p, prefix: p_}, {template: q, prefix: q_}]}\n";
    const agree = make(instanceOf("both"), {
      ...files,
      "p.yaml": user("p", "*"),
      "q.yaml": user("q", "1.x"),
      "b.yaml": both,
    });
    expect(agree.problems).toEqual([]);
    expect(agree.uses).toContainEqual(expect.objectContaining({ name: "t", version: "1.2.0" }));
    const differ = make(instanceOf("both"), {
      ...files,
      "p.yaml": user("p", "^2"),
      "q.yaml": user("q", "1.x"),
      "b.yaml": both,
    });
    expect(differ.problems.map(({ message }) => message)).toEqual([
      "the template `t` is wanted as ^2 by template p 0.0.0 and as 1.x by template q 0.0.0, and no version fits all; there are 3.0.0-rc.1, 2.0.0, 1.2.0, 1.0.0",
    ]);
  });

  test("of a file with errors can't be used", () => {
    const read = readDefinitionDocuments(version("1.x"), "t.yaml");
    expect(read.problems.map(problemText)).toEqual([
      't.yaml:1:30 INVALID_VERSION template t: "1.x" is no semantic version (write three numbers, such as 1.2.0)',
    ]);
  });
});

describe("a template by itself", () => {
  function check(text: string): string[] {
    const catalog = catalogOf({ "t.yaml": text });
    return catalog.templates.flatMap((template) => checkTemplate(template, { ...rules, catalog }).map(problemText));
  }

  test("is filled with examples, and nothing is said of what depends on them", () => {
    const text = `template: {name: t, parameters: {cron: {type: string, required: true}, n: {type: integer, required: true}}}
dag: {schedule: "{{ .cron }}", max_active_runs: "{{ .n }}", tasks: [{id: a, type: noop, operator: {}, retries: many}]}
`;
    expect(check(text)).toEqual([
      't.yaml:2:112 INVALID_TYPE template t: `retries` must be a number, not the text "many"',
    ]);
  });

  test("is checked by its tests", () => {
    const text = (
      tests: string,
    ): string => `template: {name: t, parameters: {n: {type: integer, required: true}}, tests: [${tests}]}
dag: {max_active_runs: "{{ .n }}", tasks: [{id: a, type: noop, operator: {}}]}
`;
    expect(check(text("{parameters: {n: 3}}, {parameters: {n: 0}, error: OUT_OF_RANGE}"))).toEqual([]);
    expect(check(text("{name: zero, parameters: {n: 0}}"))).toEqual([
      "t.yaml:2:24 OUT_OF_RANGE template t: `max_active_runs` must be at least 1 (in zero)",
    ]);
    expect(check(text("{parameters: {n: 3}, error: OUT_OF_RANGE}"))).toEqual([
      expect.stringContaining("TEST_FAILED template t: test 1 expects OUT_OF_RANGE, and there is no problem"),
    ]);
  });
});

describe("a file", () => {
  test("holds one definition, or any number of templates beside at most one instance", () => {
    const read = readDefinitionDocuments(`${base}---\n${heir}---\nfrom_template: {name: heir}\n`, "all.yaml");
    expect(read.problems).toEqual([]);
    expect(read.templates.map(({ name }) => name)).toEqual(["base", "heir"]);
    expect(read.instance?.template).toEqual({ name: "heir", range: "*" });
    const two = readDefinitionDocuments("from_template: {name: a}\n---\nid: b\n", "two.yaml");
    expect(two.problems.map(problemText)).toEqual([expect.stringMatching(/^two\.yaml:3:1 SEVERAL_DOCUMENTS/)]);
  });

  test.each([
    ["template: {name: a}", "1:1 MISSING_KEY template a: `dag` is required"],
    ["template: {nam: a}\ndag: {}", "1:12 UNKNOWN_KEY template: the key `nam` is not known in `template`"],
    ["dag: {}", "1:1 MISSING_KEY template: `template` is required"],
    ["template: {name: a, parameters: {template: 1}}\ndag: {}", "1:34 INVALID_ID template a: the parameter name"],
    ["template: {name: a, parameters: {b: {type: int}}}\ndag: {}", "1:37 PARAMETER_FORM"],
    ["from_template: {name: a}\nschedule: x", "2:1 UNKNOWN_KEY the key `schedule` is not known (an instance has"],
    ["from_template: {name: a, version: one}", '1:35 INVALID_VERSION "one" is no range'],
    ["template: [", "YAML_SYNTAX"],
  ])("%s", (text, problem) => {
    const problems = readDefinitionDocuments(text, "f.yaml").problems.map(problemText);
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
  });
});
