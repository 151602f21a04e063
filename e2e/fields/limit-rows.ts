import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { SeenRun } from "../harness/rest-client.ts";
import type { FieldRow } from "./field-row.ts";
import { fileExists, untilFile } from "./held-task.ts";

/** Keys that limit how much runs at once, how long, and in which order. */
export const limitRows: readonly FieldRow[] = [
  {
    does: "`max_active_runs` lets further runs wait",
    shows: ["dag.max_active_runs"],
    yaml: [
      `id: one_run
max_active_runs: 1
parameters: {folder: /tmp}
tasks: {a: {type: bash, operator: {bash_command: "${untilFile("one_run")}"}}}
`,
    ],
    async act(see) {
      const request = { parameters: { folder: see.deployment.folder } };
      const first = await see.trigger("one_run", request);
      const second = await see.trigger("one_run", request);
      const why = async () => JSON.stringify((await see.call(`dagRuns/${encodeURIComponent(second)}/explain`)).json);
      await eventually(why, (seen) => expect(seen).toContain("max_active_runs"));
      await writeFile(join(see.deployment.folder, "one_run"), "");
      const [one, two] = [await see.ended(first), await see.ended(second)];
      expect(ends(one, "a")).toBeLessThanOrEqual(begins(two, "a"));
    },
  },
  {
    does: "`max_active_tasks` lets further tasks wait",
    shows: ["dag.max_active_tasks"],
    yaml: [
      `id: one_task
max_active_tasks: 1
tasks:
  - {id: one, type: bash, operator: {bash_command: "sleep 0.2"}}
  - {id: two, type: bash, operator: {bash_command: "sleep 0.2"}}
`,
    ],
    check(_see, run) {
      const [first = "", second = ""] = ["one", "two"].toSorted((a, b) => begins(run, a) - begins(run, b));
      expect(ends(run, first)).toBeLessThanOrEqual(begins(run, second));
    },
  },
  {
    does: "`concurrency` limits the runs of one key",
    shows: ["dag.concurrency", "dag.concurrency.key", "dag.concurrency.limit", "dag.concurrency.on_conflict"],
    yaml: [
      `id: one_of_a_key
parameters: {region: eu}
concurrency: {key: params.region, limit: 1, on_conflict: skip}
tasks: {a: {type: wait, operator: {duration: 1d}}}
`,
    ],
    async act({ call, trigger }) {
      await trigger("one_of_a_key");
      const again = await call("dags/one_of_a_key/dagRuns", {});
      expect(again).toMatchObject({ status: 409, json: { error_code: "CONCURRENCY_LIMIT" } });
      await trigger("one_of_a_key", { parameters: { region: "us" } });
    },
  },
  {
    does: "`pool` is shared by DAGs",
    shows: ["task.pool"],
    yaml: [
      `id: pool_holder
parameters: {folder: /tmp}
tasks: {a: {type: bash, pool: narrow, operator: {bash_command: "${untilFile("narrow")}"}}}
`,
      `id: pool_next
tasks: {a: {type: bash, pool: narrow, operator: {bash_command: "true"}}}
`,
    ],
    async act(see) {
      const { deployment, trigger, ended } = see;
      expect((await deployment.cli(["pools", "set", "narrow", "1"])).exitCode).toBe(0);
      const holder = await trigger("pool_holder", { parameters: { folder: deployment.folder } });
      await fileExists(see, "narrow.begun");
      const next = await trigger("pool_next");
      await eventually(
        async () => JSON.stringify((await see.call(`dagRuns/${encodeURIComponent(next)}/explain`)).json),
        (seen) => expect(seen).toContain("pool narrow is full"),
      );
      await writeFile(join(deployment.folder, "narrow"), "");
      const [first, second] = [await ended(holder), await ended(next)];
      expect(ends(first, "a")).toBeLessThanOrEqual(begins(second, "a"));
    },
  },
  {
    does: "`run_timeout` ends a run that takes too long",
    shows: ["dag.run_timeout"],
    yaml: [`id: short_run\nrun_timeout: 500ms\ntasks: {a: {type: wait, operator: {duration: 1d}}}\n`],
    ends: "failed",
  },
  {
    does: "`deadline` cancels a run that is late",
    shows: ["dag.deadline", "dag.deadline.after", "dag.deadline.action"],
    yaml: [
      `id: late_run
deadline: {after: 500ms, action: cancel}
tasks: {a: {type: wait, operator: {duration: 1d}}, b: {type: noop, dependencies: [a], operator: {}}}
`,
    ],
    ends: "cancelled",
  },
  {
    does: "`queue` names the workers, and `queue_timeout` ends the wait for one",
    shows: ["task.queue", "task.queue_timeout"],
    yaml: [
      `id: nobody_there\ntasks: {a: {type: bash, queue: nobody, queue_timeout: 500ms, operator: {bash_command: "true"}}}\n`,
    ],
    ends: "failed",
    tasks: { a: { queue: "nobody", state: "failed", start_date: null } },
  },
  {
    does: "`labels` say which workers may have a task: required ones must be there, preferred ones may",
    shows: ["task.labels", "task.labels.required", "task.labels.preferred"],
    yaml: [
      `id: by_label
tasks:
  - {id: short, type: bash, labels: {shape: round}, operator: {bash_command: "true"}}
  - {id: preferred, type: bash, labels: {required: {shape: round}, preferred: {color: blue}}, operator: {bash_command: "true"}}
  - {id: nowhere, type: bash, labels: {required: {shape: square}}, queue_timeout: 1s, operator: {bash_command: "true"}}
`,
    ],
    ends: "failed",
    tasks: {
      short: { state: "success" },
      preferred: { state: "success" },
      nowhere: { state: "failed", start_date: null },
    },
  },
  {
    does: "`resources` limit what an attempt uses: disk, memory, and a share of the processors",
    shows: ["task.resources", "task.resources.disk", "task.resources.memory", "task.resources.cpu"],
    yaml: [
      `id: confined
tasks:
  - id: small
    type: bash
    resources: {cpu: 0.5, memory: 256Mi, disk: 1Mi}
    operator: {bash_command: "echo small enough"}
  - id: disk
    type: bash
    resources: {disk: 1Mi}
    operator: {bash_command: "head -c 20000000 /dev/zero > big; sleep 60"}
  - id: memory
    type: python
    resources: {memory: 64Mi}
    operator: {python_code: "import time; big = bytearray(300000000); time.sleep(60)"}
`,
    ],
    ends: "failed",
    tasks: { small: { state: "success" } },
    check(_see, { tasks }) {
      expect(tasks["disk"]?.last_error).toMatch(/disk/);
      expect(tasks["memory"]?.last_error).toMatch(/memory/);
    },
  },
  {
    does: "`resources` of an operator win over the task's, key by key",
    shows: ["bash", "python"].flatMap((type) =>
      ["resources", "resources.cpu", "resources.memory", "resources.disk"].map((field) => `${type}.${field}`),
    ),
    yaml: [
      `id: confined_operators
default_task_config: {resources: {disk: 1Mi}}
tasks:
  - id: roomy
    type: bash
    operator: {bash_command: "head -c 20000000 /dev/zero > big", resources: {cpu: 0.5, memory: 256Mi, disk: 100Mi}}
  - id: disk
    type: python
    resources: {disk: 1Gi}
    operator: {python_code: "import time; open('big', 'wb').write(bytes(20000000)); time.sleep(60)", resources: {disk: 1Mi}}
  - id: memory
    type: python
    resources: {memory: 1Gi}
    operator: {python_code: "import time; big = bytearray(300000000); time.sleep(60)", resources: {cpu: 1, memory: 64Mi}}
`,
    ],
    ends: "failed",
    tasks: { roomy: { state: "success" } },
    check(_see, { tasks }) {
      expect(tasks["disk"]?.last_error).toMatch(/disk/);
      expect(tasks["memory"]?.last_error).toMatch(/memory/);
    },
  },
];

function begins({ tasks }: SeenRun, id: string): number {
  return Date.parse(tasks[id]?.start_date ?? "");
}

function ends({ tasks }: SeenRun, id: string): number {
  return Date.parse(tasks[id]?.end_date ?? "");
}
