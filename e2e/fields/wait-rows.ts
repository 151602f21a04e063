import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { FieldRow, Sight } from "./field-row.ts";

/** Fields of what waits without a worker: for times, for people, for other runs. */
export const waitRows: readonly FieldRow[] = [
  {
    does: "wait ends after a duration, at a time, or once its condition is true",
    shows: ["wait.duration", "wait.until", "wait.condition", "wait.poll_interval"],
    yaml: [
      `id: waiting
tasks:
  - {id: time, type: wait, operator: {duration: 200ms}}
  - {id: past, type: wait, operator: {until: "{{ execution_date }} 00:00"}}
  - {id: condition, type: wait, operator: {condition: "{{ timestamp(now) > execution_date + duration('1500ms') }}", poll_interval: 1s}}
  - {id: future, type: wait, timeout: 1s, allow_failure: true, operator: {until: "2999-01-01"}}
`,
    ],
    tasks: { time: { state: "success" }, condition: { state: "success" }, future: { state: "failed" } },
  },
  {
    does: "approval asks people, checks their answers, and leaves them as outputs",
    shows: ["approval.question", "approval.form", "approval.assignees"],
    yaml: [
      `id: asking
parameters: {name: report}
tasks:
  - id: ask
    type: approval
    operator:
      question: "Print {{ params.name }}?"
      form: {copies: {type: integer, maximum: 9}, paper: {type: string, default: white}}
      assignees: [ada]
`,
    ],
    async act(see) {
      const id = await see.trigger("asking");
      const question = await questionOf(see, "asking");
      expect(question).toMatchObject({ question: "Print report?", assignees: ["ada"] });
      const answer = (answers: object) =>
        see.call(`approvals/${encodeURIComponent(question.task_instance_id)}`, { decision: "approve", answers });
      expect(await answer({ copies: 10 })).toMatchObject({ status: 400, json: { error_code: "INVALID_ANSWERS" } });
      expect(await answer({ copies: 2 })).toMatchObject({ status: 200 });
      const run = await see.ended(id);
      expect(run.outputs["ask"]).toMatchObject({ decision: "approve", copies: 2, paper: "white" });
    },
  },
  {
    does: "an approval says what silence and a rejection mean",
    shows: ["approval.timeout", "approval.on_timeout", "approval.on_reject"],
    yaml: [
      `id: silence
tasks:
  - {id: skipped, type: approval, operator: {question: Well?, timeout: 500ms, on_timeout: skip}}
  - {id: approved, type: approval, operator: {question: Well?, timeout: 500ms, on_timeout: approve}}
  - {id: goes_on, type: approval, operator: {question: Well?, timeout: 500ms, on_timeout: reject, on_reject: continue}}
  - {id: failed, type: approval, allow_failure: true, operator: {question: Well?, timeout: 500ms, on_timeout: reject}}
`,
    ],
    tasks: { skipped: { state: "skipped" }, failed: { state: "failed" } },
    outputs: {
      approved: { decision: "approve", answered_by: "timeout" },
      goes_on: { decision: "reject", answered_by: "timeout" },
    },
  },
  {
    does: "trigger_dag makes a run with parameters and a date, and waits for its end",
    shows: [
      ...["trigger_dag.dag_id", "trigger_dag.parameters", "trigger_dag.wait", "trigger_dag.fail_on"],
      ...["trigger_dag.logical_date", "trigger_dag.replace_existing"],
    ],
    yaml: [
      `id: parent
tasks:
  - {id: waits, type: trigger_dag, operator: {dag_id: child, parameters: {code: 0}}}
  - {id: fails, type: trigger_dag, allow_failure: true, operator: {dag_id: child, parameters: {code: 1}}}
  - {id: forgives, type: trigger_dag, operator: {dag_id: child, parameters: {code: 1}, fail_on: []}}
  - {id: goes_on, type: trigger_dag, operator: {dag_id: child, wait: false}}
  - {id: dated, type: trigger_dag, operator: {dag_id: child, logical_date: "2026-01-31T00:00:00Z"}}
  - {id: taken, type: trigger_dag, dependencies: [dated], allow_failure: true, operator: {dag_id: child, logical_date: "2026-01-31T00:00:00Z"}}
  - {id: replaced, type: trigger_dag, dependencies: [{task: taken, on: failure}], operator: {dag_id: child, logical_date: "2026-01-31T00:00:00Z", replace_existing: true}}
`,
      `id: child
parameters: {code: 0}
tasks: {a: {type: bash, operator: {bash_command: "exit {{ params.code }}"}}}
`,
    ],
    tasks: { fails: { state: "failed" }, taken: { state: "failed" }, replaced: { state: "success" } },
    outputs: { waits: { state: "success" }, forgives: { state: "failed" } },
    check: (_see, { outputs }) => expect(outputs["goes_on"]).not.toHaveProperty("state"),
  },
];

interface Question {
  readonly task_instance_id: string;
  readonly question: string;
  readonly assignees: readonly string[];
}

async function questionOf({ call }: Sight, dagId: string): Promise<Question> {
  const questions = async () => (await call(`approvals?dag_id=${dagId}`)).json["approvals"] as Question[];
  await eventually(
    async () => (await questions()).length,
    (seen) => expect(seen).toBe(1),
  );
  const [question] = await questions();
  if (question === undefined) throw new Error(`${dagId} asks nothing`);
  return question;
}
