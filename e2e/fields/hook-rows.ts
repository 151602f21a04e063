import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { FieldRow } from "./field-row.ts";

/** Hooks: what runs when a task, or the run, has ended. */
export const hookRows: readonly FieldRow[] = [
  {
    does: "`on_success` and `on_failure` of tasks and of the run are called, each for its own end",
    shows: ["task.on_success", "task.on_failure", "dag.on_success", "dag.on_failure"],
    yaml: [
      `id: hooked
on_success: {type: webhook, operator: {connection: web, url: "/hooked/run/success"}}
on_failure: {type: webhook, operator: {connection: web, url: "/hooked/run/failure"}}
parameters: {code: 0}
tasks:
  - id: a
    type: bash
    operator: {bash_command: "exit {{ params.code }}"}
    on_success: {type: webhook, operator: {connection: web, url: "/hooked/task/success"}}
    on_failure: {type: webhook, operator: {connection: web, url: "/hooked/task/failure"}}
`,
    ],
    async act({ web, trigger, ended }) {
      const called = () => web.requests.flatMap(({ url }) => (url.startsWith("/hooked/") ? [url.slice(8)] : []));
      expect((await ended(await trigger("hooked"))).state).toBe("success");
      await eventually(called, (seen) => expect(seen.toSorted()).toEqual(["run/success", "task/success"]));
      expect((await ended(await trigger("hooked", { parameters: { code: 1 } }))).state).toBe("failed");
      const all = ["run/failure", "run/success", "task/failure", "task/success"];
      await eventually(called, (seen) => expect(seen.toSorted()).toEqual(all));
    },
  },
];
