import { expect, test } from "vitest";
import { diffDefinitions, isUnchanged } from "./definition-diff.ts";
import type { Definition } from "./model.ts";
import { parseDefinition } from "./parse-definition.ts";
import { rules } from "./templates/template-harness.testsuite.ts";

function parse(text: string): Definition {
  const { definition, problems } = parseDefinition(text, { file: "a.yaml", ...rules });
  if (definition === null) throw new Error(JSON.stringify(problems));
  return definition;
}

const before = parse(`id: a
owner: me
tasks:
  - {id: stays, type: noop, operator: {}}
  - {id: goes, type: noop, operator: {}}
  - {id: changes, type: bash, dependencies: [stays], operator: {bash_command: "true"}}
`);

test("two definitions that say the same have no difference, however they are stored", () => {
  const stored = JSON.parse(JSON.stringify(before)) as Definition;
  expect(isUnchanged(diffDefinitions(stored, before))).toBe(true);
});

test("names keys as a definition says them", () => {
  const after = parse(`id: a
owner: me
max_active_runs: 3
run_timeout: 1h
tasks:
  - {id: goes, type: noop, operator: {}}
  - {id: changes, type: bash, dependencies: [stays], timeout: 5m, queue_timeout: 1h, operator: {bash_command: "true"}}
  - {id: stays, type: noop, operator: {}}
`);
  expect(diffDefinitions(before, after)).toMatchObject({
    keys: ["max_active_runs", "run_timeout"],
    tasksChanged: [{ id: "changes", keys: ["queue_timeout", "timeout"] }],
  });
});

test("names the keys that are other, and tasks that came, went and changed", () => {
  const after = parse(`id: a
owner: you
schedule: "@daily"
tasks:
  - {id: comes, type: noop, operator: {}}
  - {id: changes, type: bash, dependencies: [comes], retries: 3, operator: {bash_command: "true"}}
  - {id: stays, type: noop, operator: {}}
`);
  const diff = diffDefinitions(before, after);
  expect(diff).toEqual({
    keys: ["owner", "schedule"],
    tasksAdded: ["comes"],
    tasksRemoved: ["goes"],
    tasksChanged: [{ id: "changes", keys: ["dependencies", "retry"] }],
  });
  expect(isUnchanged(diff)).toBe(false);
});
