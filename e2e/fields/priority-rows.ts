import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { SeenRun } from "../harness/rest-client.ts";
import type { FieldRow } from "./field-row.ts";
import { fileExists, untilFile } from "./held-task.ts";

/** Tasks that all wait for the one place of a pool. */
const inLine = (name: string, priority: number): string =>
  [1, 2, 3]
    .map(
      (place) =>
        `  - {id: ${name}_${place}, type: bash, pool: line, priority: ${priority}, operator: {bash_command: "true"}}`,
    )
    .join("\n");

/** Keys that put waiting work in an order. */
export const priorityRows: readonly FieldRow[] = [
  {
    does: "`priority` puts waiting tasks before others, and the tasks of a DAG before those of another",
    shows: ["task.priority", "dag.priority"],
    yaml: [
      `id: line_holder
parameters: {folder: /tmp}
tasks: {a: {type: bash, pool: line, operator: {bash_command: "${untilFile("line")}"}}}
`,
      `id: line_low
priority: -50
tasks:
${inLine("plain", 0)}
${inLine("urgent", 10)}
`,
      `id: line_high
priority: 50
tasks:
${inLine("plain", 0)}
`,
    ],
    async act(see) {
      const { deployment, trigger, ended } = see;
      const { folder } = deployment;
      expect((await deployment.cli(["pools", "set", "line", "1"])).exitCode).toBe(0);
      const holder = await trigger("line_holder", { parameters: { folder } });
      await fileExists(see, "line.begun");
      // What came first would begin first.
      const runs = [await trigger("line_low"), await trigger("line_high")];
      await writeFile(join(folder, "line"), "");
      await ended(holder);
      const [low, high] = [await ended(runs[0] ?? ""), await ended(runs[1] ?? "")];
      // One of ten goes to who waits longest: the last of each three tells their order.
      expect(lastBegin(low, "urgent")).toBeLessThanOrEqual(lastBegin(high, "plain"));
      expect(lastBegin(high, "plain")).toBeLessThanOrEqual(lastBegin(low, "plain"));
    },
  },
];

function lastBegin({ tasks }: SeenRun, name: string): number {
  return Math.max(...[1, 2, 3].map((place) => Date.parse(tasks[`${name}_${place}`]?.start_date ?? "")));
}
