import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBenchDatabase } from "./database.ts";
import { formatTable } from "./measure.ts";
import { startDev, startFive } from "./millrace-server.ts";
import { measureIdle } from "./resources.ts";
import { shapes, toDefinition } from "./shapes.ts";

const idleSeconds = 15;

/** Memory (without the database) and processor time of `dev` and of the five processes with nothing to do, before and after work. */
export async function benchIdle(): Promise<void> {
  const dags = await mkdtemp(join(tmpdir(), "millrace-bench-dags-"));
  for (const shape of shapes) await writeFile(join(dags, `${shape.name}.yaml`), toDefinition(shape));
  const server = await startBenchDatabase(["bench_dev", "bench_five"]);
  const rows = [["what", "PSS MiB", "% of one core"]];
  const starters = [startDev, startFive];
  for (const [place, start] of starters.entries()) {
    const millrace = await start(server.urls[place] ?? "", dags);
    try {
      for (const when of ["after its start", "after 1,343 tasks"]) {
        const { pssMb, coreShare } = await measureIdle(millrace.pids, idleSeconds);
        const name = `${start === startDev ? "dev" : "five processes"}, ${when}`;
        console.log(JSON.stringify({ name, pssMb, coreShare }));
        rows.push([name, pssMb.toFixed(0), (coreShare * 100).toFixed(2)]);
        for (const shape of shapes) await millrace.run(shape);
      }
    } finally {
      await millrace.close();
    }
  }
  await server.stop();
  await rm(dags, { recursive: true, force: true });
  console.log(`\n${formatTable(rows)}`);
}
