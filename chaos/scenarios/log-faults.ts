import { setTimeout as delay } from "node:timers/promises";
import { queryRow } from "../stage/query-row.ts";
import type { Scenario } from "../stage/scenario.ts";

const floodSeconds = 6;
/** How long the flood goes on before its worker dies. */
const killAfterMs = 2500;
const maxLostMs = 1000;
const pollMs = 50;

const dagId = "a19";
const attemptText = `SELECT w.worker_id AS worker, clock_timestamp() AS now FROM task_instances i
  JOIN workers w USING (worker_key) JOIN dag_runs r USING (run_key) WHERE r.dag_id = $1 AND i.state = 'running'
  UNION ALL SELECT NULL, clock_timestamp() LIMIT 1`;
/** When the last chunk of the first attempt was committed. */
const lastChunkText = `SELECT max(created_at) AS at FROM log_chunks JOIN dag_runs r USING (run_key)
  WHERE r.dag_id = $1 AND try_number = 1`;

export const killWhileLogging: Scenario = createKillWhileLogging();

function createKillWhileLogging(): Scenario {
  let killedAt = 0;
  return {
    setup: "services",
    id: "A19",
    title: "a worker dies while 10 MB of log a second flow",
    shortMs: 30_000,
    load: () => ({
      dags: [
        {
          id: dagId,
          tasks: [
            { id: "flood", parents: [], rule: "all_success", ending: "succeeds", seconds: floodSeconds, floods: true },
          ],
        },
      ],
      runs: 1,
    }),
    async fault({ cluster, count, over }) {
      let name: string | null = null;
      while (name === null && !over.aborted) {
        await delay(pollMs);
        name = (await queryRow<{ worker: string | null }>(cluster.databaseUrl, attemptText, [dagId])).worker;
      }
      const victim = cluster.of("worker").find((worker) => worker.name === name);
      if (victim === undefined) return;
      await delay(killAfterMs);
      killedAt = (await queryRow<{ now: Date }>(cluster.databaseUrl, attemptText, [dagId])).now.getTime();
      await cluster.murder(victim);
      count("killed worker");
    },
    async check({ cluster }) {
      const { at } = await queryRow<{ at: Date | null }>(cluster.databaseUrl, lastChunkText, [dagId]);
      if (at === null) return ["nothing of the log was kept"];
      const lostMs = killedAt - at.getTime();
      return lostMs <= maxLostMs ? [] : [`the last ${lostMs} ms of the log were lost`];
    },
  };
}
