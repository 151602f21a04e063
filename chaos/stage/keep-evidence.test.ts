import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { runTask, startRun, success } from "#testing/store-driver.ts";
import { keepEvidence } from "./keep-evidence.ts";

const findings = { scenarioId: "A3", seed: 7, again: "npm run bench -- chaos --only A3", violations: ["one is left"] };

async function keep(databaseUrl: string, violations: readonly string[] = findings.violations): Promise<string> {
  const source = await mkdtemp(join(tmpdir(), "millrace-evidence-"));
  onTestFinished(() => rm(source, { recursive: true }));
  await writeFile(join(source, "worker-1.log"), "a line\n");
  await writeFile(join(source, "ledger"), "r/a/1.1 start 1\n");
  const worker = { logFile: join(source, "worker-1.log") };
  const kept = await keepEvidence(
    { processes: [worker], databaseUrl },
    { ...findings, violations, ledgerFile: join(source, "ledger") },
  );
  onTestFinished(() => rm(kept, { recursive: true }));
  return kept;
}

const read = async (folder: string, name: string): Promise<string> => readFile(join(folder, name), "utf8");

it("keeps what was found, how to run it again, logs, ledger and the rows of what has not ended", async () => {
  const harness = await openPostgresHarness();
  onTestFinished(() => harness.close());
  const { runId } = await startRun(harness.store, [{ id: "a" }]);

  const kept = await keep(harness.connectionString);

  expect(await read(kept, "findings.txt")).toBe(`${findings.again}\none is left\n`);
  expect(await read(kept, "logs/worker-1.log")).toBe("a line\n");
  expect(await read(kept, "ledger")).toBe("r/a/1.1 start 1\n");
  const rows = JSON.parse(await read(kept, "database.json")) as Record<string, readonly object[]>;
  expect(rows["runs"]).toMatchObject([{ run_id: runId }]);
  expect(rows["instances"]).toMatchObject([{ task_id: "a", state: "queued" }]);
});

it("keeps the rows of a run that a finding names, though it has ended", async () => {
  const harness = await openPostgresHarness();
  onTestFinished(() => harness.close());
  const { runKey, runId } = await startRun(harness.store, [{ id: "a" }]);
  const other = await startRun(harness.store, [{ id: "a" }]);
  for (const key of [runKey, other.runKey]) await runTask(harness.store, key, 0, success);

  const kept = await keep(harness.connectionString, [`run ${runId}: a is a success, which never ended (I5)`]);

  const rows = JSON.parse(await read(kept, "database.json")) as Record<string, readonly object[]>;
  expect(rows["runs"]).toMatchObject([{ run_id: runId, state: "success" }]);
  expect(rows["attempts"]).toHaveLength(1);
});

it("keeps the rest where the database does not answer", async () => {
  const kept = await keep("postgresql://nobody@127.0.0.1:1/none");

  expect((await readdir(kept)).toSorted()).toEqual(["database.json", "findings.txt", "ledger", "logs"]);
  expect(await read(kept, "database.json")).toContain("ECONNREFUSED");
});
