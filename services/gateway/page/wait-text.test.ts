import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { WaitReasonSchema } from "#gen/millrace/v1/task_service_pb.js";
import { waitText } from "./wait-text.ts";

const holder = (dagRunId: string, taskId: string, text: string, mapIndex?: number) => ({
  dagRunId,
  taskId,
  text,
  ...(mapIndex === undefined ? {} : { mapIndex }),
});

function shown(code: string, text: string, heldBy: readonly ReturnType<typeof holder>[] = []): string {
  return waitText([create(WaitReasonSchema, { code, text, heldBy: [...heldBy] })])?.markup ?? "";
}

test.each([
  ["a task", [holder("r1", "load", "load of r1")], 'by <a href="/tasks/r1__load/logs">load of r1</a> and 3 more'],
  ["a run", [holder("r1", "", "r1")], 'by load of <a href="/runs/r1">r1</a> and 3 more'],
  ["an item, whose key is not known", [holder("r1", "load", "load of r1", 2)], '<a href="/runs/r1">load of r1</a>'],
  ["nothing that the text does not name", [holder("r2", "", "r2")], "by load of r1 and 3 more"],
])("links %s", (_, heldBy, markup) => {
  expect(shown("pool", "pool r1 is full, by load of r1 and 3 more", heldBy)).toContain(markup);
});

test("links names at the end of a text, not the same words before", () => {
  const both = [holder("a", "", "a"), holder("b", "", "b")];
  expect(shown("run_limit", "a DAG by a, b", both)).toContain(
    'a DAG by <a href="/runs/a">a</a>, <a href="/runs/b">b</a>',
  );
});

test("escapes what it links, and marks times for the reader's zone", () => {
  const name = "<b>&";
  expect(shown("parents", `waits for ${name}`, [holder(name, "", name)])).toContain(
    '<a href="/runs/%3Cb%3E%26">&lt;b&gt;&amp;</a>',
  );
  const at = "2026-01-31T12:00:30.000Z";
  expect(shown("retry_due", `due at ${at}, in 3 s`)).toContain(`due at <time datetime="${at}">${at}</time>, in 3 s`);
});

test("leaves out what the state says as much", () => {
  expect(shown("running", "attempt 1 runs")).toBe("");
  expect(shown("ended", "it has ended: success")).toBe("");
  expect(waitText([])).toBeNull();
});
