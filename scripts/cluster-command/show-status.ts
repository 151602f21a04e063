import { readRunningCluster } from "./cluster-record.ts";
import { describeCluster } from "./cluster-table.ts";

/** Answers the exit code. */
export async function showStatus(folder: string, say: (text: string) => void): Promise<number> {
  const record = await readRunningCluster(folder);
  if (record === null) {
    say(`no cluster runs in ${folder}; scripts/cluster up starts one`);
    return 1;
  }
  const since = record.state === "running" ? "" : ` (${record.state})`;
  say(`process ${record.pid} keeps a cluster in ${folder}${since}`);
  if (record.parts.length > 0) say(`\n${describeCluster(record, process.cwd())}`);
  return 0;
}
