import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

/** Keys of a task that say what comes before what, what is run, and what becomes of its end. */
export const taskRows: readonly FieldRow[] = [
  {
    does: "`id`, `type` and `operator` make a task, `dependencies` an order by how a parent ends",
    shows: [
      ...["task.id", "task.type", "task.operator", "task.dependencies"],
      ...["task.dependencies.task", "task.dependencies.on"],
    ],
    yaml: [
      `id: edges_up
tasks:
  - {id: bad, type: millrace.test.fail, allow_failure: true, operator: {}}
  - {id: never, type: noop, dependencies: [bad], operator: {}}
  - {id: mended, type: noop, dependencies: [{task: bad, on: failure}], operator: {}}
  - {id: noted, type: noop, dependencies: [{task: bad, on: completion}], operator: {}}
`,
    ],
    tasks: {
      bad: { state: "failed" },
      never: { state: "upstream_failed" },
      mended: { state: "success" },
      noted: { state: "success" },
    },
  },
  {
    does: "`downstream` says the same from the other end",
    shows: ["task.downstream", "task.downstream.task", "task.downstream.on"],
    yaml: [
      `id: edges_down
tasks:
  - {id: bad, type: millrace.test.fail, allow_failure: true, downstream: [never, {task: mended, on: failure}], operator: {}}
  - {id: never, type: noop, operator: {}}
  - {id: mended, type: noop, operator: {}}
`,
    ],
    tasks: { never: { state: "upstream_failed" }, mended: { state: "success" } },
  },
  {
    does: "`trigger_rule` says what the ends of the parents must be",
    shows: ["task.trigger_rule"],
    yaml: [
      `id: rules
tasks:
  - {id: bad, type: millrace.test.fail, allow_failure: true, operator: {}}
  - {id: good, type: noop, operator: {}}
  - {id: any, type: noop, dependencies: [bad, good], trigger_rule: all_done, operator: {}}
  - {id: one, type: noop, dependencies: [bad, good], trigger_rule: one_failed, operator: {}}
  - {id: none, type: noop, dependencies: [bad, good], trigger_rule: none_failed, operator: {}}
`,
    ],
    tasks: { any: { state: "success" }, one: { state: "success" }, none: { state: "upstream_failed" } },
  },
  {
    does: "`when` skips a task",
    shows: ["task.when"],
    yaml: [
      `id: skipping
parameters: {rows: 0}
tasks:
  - {id: skipped, type: noop, when: "params.rows > 0", operator: {}}
  - {id: done, type: noop, when: "params.rows == 0", operator: {}}
`,
    ],
    tasks: { skipped: { state: "skipped" }, done: { state: "success" } },
  },
  {
    does: "`for_each` makes an instance of each element, in the long form with keys and a limit",
    shows: ["task.for_each", "task.for_each.items", "task.for_each.key", "task.for_each.limit"],
    yaml: [
      `id: fanned
parameters: {names: [ada, grace]}
tasks:
  - {id: each, type: bash, for_each: params.names, capture_stdout: true, operator: {bash_command: "echo {{ item }}"}}
  - {id: keyed, type: noop, for_each: {items: params.names, key: item}, operator: {}}
  - {id: too_many, type: noop, for_each: {items: params.names, limit: 1}, allow_failure: true, operator: {}}
  - id: sum
    type: bash
    dependencies: [each]
    capture_stdout: true
    operator: {bash_command: "echo {{ outputs.each.return_value | join('+') }}"}
`,
    ],
    outputs: { sum: { return_value: "ada+grace" } },
    tasks: { "each[0]": { state: "success" }, "each[1]": { state: "success" }, too_many: { state: "failed" } },
    check(_see, { tasks }) {
      expect([tasks["keyed[0]"]?.id, tasks["keyed[1]"]?.id]).toEqual([
        expect.stringMatching(/keyed__ada$/),
        expect.stringMatching(/keyed__grace$/),
      ]);
      expect(tasks["too_many"]?.last_error).toMatch(/limit/);
    },
  },
  {
    does: "`parameters` of a task override the DAG's",
    shows: ["task.parameters"],
    yaml: [
      `id: own_parameters
parameters: {name: Ada}
tasks:
  - {id: own, type: bash, parameters: {name: Grace}, capture_stdout: true, operator: {bash_command: "echo {{ params.name }}"}}
  - {id: dags, type: bash, capture_stdout: true, operator: {bash_command: "echo {{ params.name }}"}}
`,
    ],
    outputs: { own: { return_value: "Grace" }, dags: { return_value: "Ada" } },
  },
  {
    does: "`environment` reaches the process, `capture_stdout` keeps its last line",
    shows: ["task.environment", "task.capture_stdout"],
    yaml: [
      `id: surroundings
tasks:
  - {id: a, type: bash, environment: {NAME: "{{ 'Ada' | upper }}", COUNT: 3}, capture_stdout: true, operator: {bash_command: 'echo first; echo "$NAME $COUNT"'}}
  - {id: b, type: bash, operator: {bash_command: echo nothing}}
`,
    ],
    outputs: { a: { return_value: "ADA 3" } },
    check: (_see, { outputs }) => expect(outputs["b"]).toBeUndefined(),
  },
  {
    does: "`outputs` are checked: a success that lacks one, or leaves another type, is a failure",
    shows: ["task.outputs"],
    yaml: [
      `id: promised
tasks:
  - id: kept
    type: bash
    outputs: {rows: integer, files: {type: array, items: string, required: false}}
    operator: {bash_command: 'echo ''{"rows": 3}'' > "$MILLRACE_OUTPUT"'}
  - id: broken
    type: bash
    outputs: {rows: integer}
    operator: {bash_command: "echo rows=three >> $MILLRACE_OUTPUT"}
`,
    ],
    ends: "failed",
    tasks: { kept: { state: "success" }, broken: { state: "failed" } },
    check: (_see, { tasks }) => expect(tasks["broken"]?.last_error).toMatch(/rows/),
  },
  {
    does: "`keep_partial_outputs` keeps what a failed attempt left",
    shows: ["task.keep_partial_outputs"],
    yaml: [
      `id: partial
tasks:
  - {id: kept, type: bash, keep_partial_outputs: true, operator: {bash_command: "echo at=half >> $MILLRACE_OUTPUT; exit 1"}}
  - {id: dropped, type: bash, operator: {bash_command: "echo at=half >> $MILLRACE_OUTPUT; exit 1"}}
`,
    ],
    ends: "failed",
    outputs: { kept: { at: "half" } },
    check: (_see, { outputs }) => expect(outputs["dropped"]).toBeUndefined(),
  },
  {
    does: "`allow_failure` leaves the run a success",
    shows: ["task.allow_failure"],
    yaml: [`id: forgiven\ntasks: {a: {type: millrace.test.fail, allow_failure: true, operator: {}}}\n`],
    tasks: { a: { state: "failed" } },
  },
  {
    does: "`timeout` ends an attempt, `grace_period` is for cleaning up before the kill",
    shows: ["task.timeout", "task.grace_period"],
    yaml: [
      `id: out_of_time
tasks:
  - {id: polite, type: bash, timeout: 5s, grace_period: 20s, operator: {bash_command: "trap 'echo cleaned; exit 1' TERM; sleep 60 & wait"}}
  - {id: rude, type: bash, timeout: 500ms, grace_period: 100ms, operator: {bash_command: "trap 'sleep 30; echo never' TERM; sleep 60 & wait"}}
`,
    ],
    ends: "failed",
    logs: { polite: "cleaned" },
    async check({ log }, run) {
      expect(run.tasks["polite"]?.last_error).toMatch(/5s/);
      expect(await log(run, "rude")).not.toContain("never");
    },
  },
];
