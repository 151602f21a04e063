import { Client } from "pg";
import { type Shape, taskCount } from "./shapes.ts";

/** The least that any orchestrator on this database must do: one guarded commit for each task, in order, nothing else. */
export async function openFloor(
  connectionString: string,
): Promise<{ run(shape: Shape): Promise<number>; close(): Promise<void> }> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(
    "DROP TABLE IF EXISTS floor_tasks; CREATE TABLE floor_tasks (id bigint PRIMARY KEY, state text NOT NULL, fence bigint NOT NULL)",
  );
  return {
    run: async (shape) => {
      const tasks = taskCount(shape);
      await client.query("TRUNCATE floor_tasks");
      await client.query("INSERT INTO floor_tasks SELECT n, 'queued', 0 FROM generate_series(1, $1::bigint) AS n", [
        tasks,
      ]);
      const start = performance.now();
      for (let id = 1; id <= tasks; id += 1) {
        await client.query({
          name: "floor_settle",
          text: "UPDATE floor_tasks SET state = 'success', fence = fence + 1 WHERE id = $1 AND state = 'queued' AND fence = 0",
          values: [id],
        });
      }
      return performance.now() - start;
    },
    close: async () => {
      await client.query("DROP TABLE floor_tasks");
      await client.end();
    },
  };
}
