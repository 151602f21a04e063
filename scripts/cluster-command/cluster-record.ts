import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOwnProcess, signalOwnProcess } from "#testing/own-process.ts";
import { ROOT } from "../process/run-command.ts";

/** What a running cluster leaves in its folder for `status` and `down`. */
export interface ClusterRecord {
  /** Of the process that keeps the cluster. */
  readonly pid: number;
  readonly state: "starting" | "running" | "stopping";
  /** Its folder, which holds this record. */
  readonly folder: string;
  readonly parts: readonly RecordedPart[];
  /** Of the first gateway. */
  readonly gatewayUrl: string;
  readonly databaseUrl: string;
  /** A command of the CLI to begin with. */
  readonly firstCommand: string;
}

export interface RecordedPart {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
  readonly logFile: string;
  /** A file that only this process names in its command line. */
  readonly mark: string;
}

/** In the command line of every process that keeps a cluster. */
const keeperMark = join(ROOT, "scripts/cluster.ts");

/** The record of the cluster that runs in a folder; null: none runs there. */
export async function readRunningCluster(folder: string): Promise<ClusterRecord | null> {
  const record = await readRecord(folder);
  return record !== null && record.pid !== process.pid && isOwnProcess(record.pid, keeperMark) ? record : null;
}

/** Replaces the record as a whole, so that no reader sees half of it. */
export async function writeRecord(record: ClusterRecord): Promise<void> {
  const { folder } = record;
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `cluster.${process.pid}.json`);
  await writeFile(draft, `${JSON.stringify(record, null, 2)}\n`);
  await rename(draft, fileOf(folder));
}

export function removeRecord(folder: string): Promise<void> {
  return rm(fileOf(folder), { force: true });
}

/** Asks the keeper to stop everything. */
export function askToStop(record: ClusterRecord): boolean {
  return signalOwnProcess(record.pid, keeperMark, "SIGTERM");
}

async function readRecord(folder: string): Promise<ClusterRecord | null> {
  const text = await readFile(fileOf(folder), "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as ClusterRecord);
}

function fileOf(folder: string): string {
  return join(folder, "cluster.json");
}
