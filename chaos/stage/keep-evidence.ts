import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openClient } from "../check/open-client.ts";

/** Runs that have not ended, and those that a finding names; $1 are the findings. */
const doubtful = `SELECT run_key FROM dag_runs WHERE ended_at IS NULL
  OR EXISTS (SELECT FROM unnest($1::text[]) AS finding WHERE strpos(finding, run_id) > 0)`;

/** What the database holds of these runs, who is alive in its eyes, and what it is doing. */
const statements: Readonly<Record<string, string>> = {
  runs: `SELECT * FROM dag_runs WHERE run_key IN (${doubtful}) ORDER BY run_key`,
  instances: `SELECT * FROM task_instances WHERE run_key IN (${doubtful}) ORDER BY run_key, ordinal`,
  attempts: `SELECT * FROM attempts WHERE run_key IN (${doubtful}) ORDER BY run_key, ordinal, generation, try_number`,
  workers: "SELECT * FROM workers ORDER BY worker_key",
  leases: "SELECT * FROM leases",
  waiting_events: "SELECT * FROM outbox WHERE event_id IS NULL",
  sessions: "SELECT * FROM pg_stat_activity WHERE datname = current_database()",
  locks: "SELECT * FROM pg_locks WHERE NOT granted",
};

export interface Findings {
  readonly scenarioId: string;
  readonly seed: number;
  /** The command that runs the scenario with the same loads and draws. */
  readonly again: string;
  readonly violations: readonly string[];
  readonly ledgerFile: string;
}

/**
 * Copies what shows why a scenario failed to a folder that outlives the cluster: what was found, the log of each process,
 * the ledger, and the rows of runs that are stuck or not as they should be. Answers the folder; whoever looks into it removes it.
 */
export async function keepEvidence(
  cluster: { readonly processes: readonly { readonly logFile: string }[]; readonly databaseUrl: string },
  { scenarioId, seed, again, violations, ledgerFile }: Findings,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `millrace-chaos-${scenarioId}-${seed}-`));
  await writeFile(join(folder, "findings.txt"), [again, ...violations, ""].join("\n"));
  // There is none before the first task began, as no log of a process that never wrote.
  await copyFile(ledgerFile, join(folder, "ledger")).catch(() => undefined);
  await mkdir(join(folder, "logs"));
  for (const { logFile } of cluster.processes)
    await copyFile(logFile, join(folder, "logs", basename(logFile))).catch(() => undefined);
  const rows = await readRows(cluster.databaseUrl, violations).catch((error: unknown) => ({ error: String(error) }));
  await writeFile(join(folder, "database.json"), `${JSON.stringify(rows, null, 1)}\n`);
  return folder;
}

async function readRows(
  connectionString: string,
  findings: readonly string[],
): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const client = await openClient(connectionString);
  try {
    const found: Record<string, readonly unknown[]> = {};
    for (const [name, text] of Object.entries(statements))
      found[name] = (await client.query(text, text.includes("$1") ? [findings] : [])).rows;
    return found;
  } finally {
    await client.end();
  }
}
