import { Logger, run as runGraphile, type Task } from "graphile-worker";
import { Pool } from "pg";
import type { Shape } from "./shapes.ts";

const silent = new Logger(() => () => undefined);

/**
 * graphile-worker with its defaults, doing the same graph: a job settles itself in a table of ours, and the last one of
 * a layer adds the next layer's jobs in one statement.
 */
export async function openGraphile(
  connectionString: string,
): Promise<{ run(shape: Shape): Promise<number>; close(): Promise<void> }> {
  const pool = new Pool({ connectionString, max: 10 });
  await pool.query(
    "DROP TABLE IF EXISTS peer_layers; CREATE TABLE peer_layers (run integer, layer integer, waiting integer NOT NULL, PRIMARY KEY (run, layer))",
  );
  const finished = new Map<number, () => void>();
  const running = new Map<number, Shape>();

  async function addLayer(runNumber: number, layer: number): Promise<void> {
    const width = running.get(runNumber)?.layers[layer] ?? 0;
    await pool.query("INSERT INTO peer_layers VALUES ($1, $2, $3)", [runNumber, layer, width]);
    await pool.query(
      "SELECT graphile_worker.add_job('step', json_build_object('run', $1::integer, 'layer', $2::integer)) FROM generate_series(1, $3::integer)",
      [runNumber, layer, width],
    );
  }

  const step: Task = async (payload) => {
    const { run: runNumber, layer } = payload as { run: number; layer: number };
    const { rows } = await pool.query<{ waiting: number }>(
      "UPDATE peer_layers SET waiting = waiting - 1 WHERE run = $1 AND layer = $2 RETURNING waiting",
      [runNumber, layer],
    );
    if (rows[0]?.waiting !== 0) return;
    if (layer + 1 < (running.get(runNumber)?.layers.length ?? 0)) await addLayer(runNumber, layer + 1);
    else finished.get(runNumber)?.();
  };

  const runner = await runGraphile({ pgPool: pool, taskList: { step }, logger: silent, noHandleSignals: true });
  let nextRun = 1;
  return {
    run: async (shape) => {
      const runNumber = nextRun;
      nextRun += 1;
      running.set(runNumber, shape);
      const done = new Promise<void>((resolve) => {
        finished.set(runNumber, resolve);
      });
      const start = performance.now();
      await addLayer(runNumber, 0);
      await done;
      return performance.now() - start;
    },
    close: async () => {
      await runner.stop();
      await pool.query("DROP TABLE peer_layers");
      await pool.end();
    },
  };
}
