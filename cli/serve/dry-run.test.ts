import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "../run-command.testsuite.ts";

test.each([
  ["parser", ["configuration", "port", "database", "definitions"]],
  ["scheduler", ["configuration", "port", "database"]],
  ["executor", ["configuration", "port", "database"]],
  ["gateway", ["configuration", "port", "database"]],
  ["worker", ["configuration", "port", "data directory", "executors"]],
])("start %s --dry-run checks what that service needs", async (name, checks) => {
  const directory = await mkdtemp(join(tmpdir(), "millrace-dry-run-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const args = ["start", name, "--port", "0", "--dry-run", "--data-dir", join(directory, "data")];
  const { output } = await runCommand(args, { directory });
  expect([...output.matchAll(/^[✓✗] (\S+(?: \S+)?) {2,}/gm)].map(([, check]) => check)).toEqual(checks);
});
