import { createHmac } from "node:crypto";
import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

const noop = "tasks: {a: {type: noop, operator: {}}}";

/** Keys of a DAG that say what it is, and who may trigger it with what. */
export const dagRows: readonly FieldRow[] = [
  {
    does: "`format` 1 is this format, another one is refused",
    shows: ["dag.format"],
    yaml: [`id: format_one\nformat: 1\n${noop}`],
    async check({ call }) {
      const answer = await call("dags", `id: format_two\nformat: 2\n${noop}`);
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.json)).toContain("format");
    },
  },
  {
    does: "`id`, `description`, `owner` and `tags` are shown, and found by free text",
    shows: ["dag.id", "dag.description", "dag.owner", "dag.tags"],
    yaml: [`id: for_people\ndescription: Says what it is\nowner: ada\ntags: [one, two]\n${noop}`],
    async check({ call }) {
      const shown = { dag_id: "for_people", description: "Says what it is", owner: "ada", tags: ["one", "two"] };
      expect((await call("dags/for_people")).json).toMatchObject(shown);
      expect((await call("dags?filter=says%20what")).json["dags"]).toMatchObject([shown]);
    },
  },
  {
    does: "`tasks` may be a map from id to task, and `timezone` is that of dates as text",
    shows: ["dag.tasks", "dag.timezone"],
    yaml: [
      `id: in_tokyo
timezone: Asia/Tokyo
tasks:
  day: {type: bash, capture_stdout: true, operator: {bash_command: "echo {{ execution_date }}"}}
`,
    ],
    async act({ trigger, ended }) {
      const run = await ended(await trigger("in_tokyo", { execution_date: "2026-01-31T23:30:00Z" }));
      expect(run.outputs["day"]).toEqual({ return_value: "2026-02-01" });
    },
  },
  {
    does: "`parameters` are rendered when the run is made, and what a trigger gives wins",
    shows: ["dag.parameters"],
    yaml: [
      `id: with_parameters
parameters: {name: Ada, greeting: "Hello {{ params.name }}"}
tasks: {a: {type: bash, capture_stdout: true, operator: {bash_command: "echo {{ params.greeting }}"}}}
`,
    ],
    parameters: { name: "Grace" },
    outputs: { a: { return_value: "Hello Grace" } },
  },
  {
    does: "`additional_parameters: false` refuses what is not declared",
    shows: ["dag.additional_parameters"],
    yaml: [`id: only_declared\nadditional_parameters: false\nparameters: {name: Ada}\n${noop}`],
    async act({ call }) {
      const answer = await call("dags/only_declared/dagRuns", { parameters: { nmae: "Grace" } });
      expect(answer).toMatchObject({ status: 400, json: { error_code: "INVALID_PARAMETERS" } });
      expect(answer.json["message"]).toContain("nmae");
    },
  },
  {
    does: "`allow_manual_trigger: false` refuses triggers by hand",
    shows: ["dag.allow_manual_trigger"],
    yaml: [`id: not_by_hand\nallow_manual_trigger: false\n${noop}`],
    async act({ call }) {
      expect(await call("dags/not_by_hand/dagRuns", {})).toMatchObject({ status: 403 });
    },
  },
  {
    does: "`default_task_config` is where tasks say nothing, key by key for maps",
    shows: ["dag.default_task_config"],
    yaml: [
      `id: with_defaults
default_task_config:
  capture_stdout: true
  environment: {FIRST: default, SECOND: default}
  retry: {max_retries: 1, delay: 50ms, jitter: 0}
tasks:
  - {id: plain, type: bash, operator: {bash_command: 'echo "$FIRST $SECOND"'}}
  - {id: own, type: bash, environment: {SECOND: own}, operator: {bash_command: 'echo "$FIRST $SECOND"'}}
  - {id: again, type: bash, retry: {delay: 60ms}, operator: {bash_command: 'test "$MILLRACE_TRY_NUMBER" = 2; echo "$FIRST"'}}
`,
    ],
    tasks: { again: { try_number: 2 } },
    outputs: { plain: { return_value: "default default" }, own: { return_value: "default own" } },
  },
  {
    does: "`webhooks` make runs of signed requests, as their expressions say",
    shows: [
      ...["dag.webhooks", "dag.webhooks.name", "dag.webhooks.secret", "dag.webhooks.parameters"],
      ...["dag.webhooks.when", "dag.webhooks.logical_date"],
    ],
    yaml: [
      `id: by_webhook
parameters: {who: nobody}
webhooks:
  - name: orders
    secret: hook-key
    when: "body.kind == 'order'"
    logical_date: body.at
    parameters: {who: body.customer}
tasks: {a: {type: bash, capture_stdout: true, operator: {bash_command: "echo {{ params.who }} {{ execution_date }}"}}}
`,
    ],
    async act({ deployment, ended }) {
      const send = async (body: unknown, key: string) => {
        const text = JSON.stringify(body);
        const timestamp = String(Math.floor(Date.now() / 1000));
        const signature = createHmac("sha256", key).update(`${timestamp}..${text}`).digest("hex");
        const headers = { "x-millrace-timestamp": timestamp, "x-millrace-signature": `sha256=${signature}` };
        const url = `${deployment.url}/api/v1/hooks/orders`;
        const response = await fetch(url, { method: "POST", body: text, headers });
        return { status: response.status, json: (await response.json()) as Record<string, unknown> };
      };
      const order = { kind: "order", customer: "Ada", at: "2026-03-04T00:00:00Z" };
      expect(await send(order, "another key")).toMatchObject({ status: 401 });
      const key = "a key that nobody guesses";
      expect((await send({ ...order, kind: "visit" }, key)).json["dag_run_id"] ?? "").toBe("");
      const { json } = await send(order, key);
      const run = await ended(String(json["dag_run_id"]));
      expect(run.outputs["a"]).toEqual({ return_value: "Ada 2026-03-04" });
    },
  },
  {
    does: "`executor` of DAG and task choose the way to a worker",
    shows: ["dag.executor", "task.executor"],
    yaml: [
      `id: by_stream
executor: stream
tasks:
  - {id: streamed, type: bash, operator: {bash_command: "true"}}
  - {id: local, type: bash, executor: local, dependencies: [streamed], operator: {bash_command: "true"}}
`,
    ],
  },
];
