import { setTimeout as delay } from "node:timers/promises";
import { askToStop, readRunningCluster } from "./cluster-record.ts";

/** Each of the steps in which a cluster ends has its own deadline; this is longer than all of them. */
const deadlineMs = 120_000;
const pollMs = 100;

/** Resolves with the exit code when the cluster's processes are gone; nothing to end is fine. */
export async function takeDown(folder: string, say: (text: string) => void): Promise<number> {
  const record = await readRunningCluster(folder);
  if (record === null || !askToStop(record)) {
    say(`no cluster runs in ${folder}`);
    return 0;
  }
  say(`ending the cluster of process ${record.pid}`);
  const deadline = performance.now() + deadlineMs;
  while ((await readRunningCluster(folder))?.pid === record.pid) {
    if (performance.now() > deadline) {
      say(
        `process ${record.pid} still runs after ${deadlineMs / 1000} s; kill -9 ${record.pid} ends it and its cluster`,
      );
      return 1;
    }
    await delay(pollMs);
  }
  say("the cluster has ended");
  return 0;
}
