import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBenchDatabase } from "./database.ts";
import { openFloor } from "./floor.ts";
import { openGraphile } from "./graphile.ts";
import { type Contender, type Figure, formatTable, measureInTurn } from "./measure.ts";
import { startDev, startFive } from "./millrace-server.ts";
import { runOnce } from "./one-run.ts";
import { type Shape, shapes, taskCount, toDefinition } from "./shapes.ts";

const rounds = { one: 51, other: 5 };

interface Row extends Figure {
  readonly shape: string;
  readonly perTaskMs: number;
  readonly ratioToPeer: number;
}

/**
 * The three sizes of Millrace beside graphile-worker and the floor, on one PostgreSQL with fsync on, in turn. All times
 * are milliseconds from the request to the known end.
 */
export async function benchSpine(only: readonly string[]): Promise<void> {
  const dags = await mkdtemp(join(tmpdir(), "millrace-bench-dags-"));
  for (const shape of shapes) await writeFile(join(dags, `${shape.name}.yaml`), toDefinition(shape));
  const server = await startBenchDatabase(["bench_dev", "bench_five", "bench_peer"]);
  const [devUrl = "", fiveUrl = "", peerUrl = ""] = server.urls;
  const [dev, five] = [await startDev(devUrl, dags), await startFive(fiveUrl, dags)];
  const [peer, floor] = [await openGraphile(peerUrl), await openFloor(peerUrl)];
  const rows: Row[] = [];
  try {
    for (const shape of shapes.filter(({ name }) => only.length === 0 || only.includes(name))) {
      const contenders: Contender[] = [
        { name: "floor", run: () => floor.run(shape) },
        { name: "graphile-worker", run: () => peer.run(shape) },
        { name: "millrace dev", run: () => dev.run(shape) },
        { name: "millrace five processes", run: () => five.run(shape) },
      ];
      const whole: Contender = { name: "millrace run (whole process)", run: () => runOnce(dags, shape) };
      // Apart from the others: a whole process in between would leave every cache cold for them.
      const figures = [
        ...(await measureInTurn(contenders, shape.name === "one" ? rounds.one : rounds.other)),
        ...(await measureInTurn([whole], rounds.other)),
      ];
      rows.push(...toRows(shape, figures));
    }
  } finally {
    await Promise.all([dev.close(), five.close(), peer.close(), floor.close()]);
    await server.stop();
    await rm(dags, { recursive: true, force: true });
  }
  report(rows);
}

function toRows(shape: Shape, figures: readonly Figure[]): readonly Row[] {
  const peer = figures.find(({ name }) => name === "graphile-worker")?.medianMs ?? Number.NaN;
  return figures.map((figure) => ({
    shape: shape.name,
    ...figure,
    perTaskMs: figure.medianMs / taskCount(shape),
    ratioToPeer: figure.medianMs / peer,
  }));
}

function report(rows: readonly Row[]): void {
  for (const row of rows) console.log(JSON.stringify(row));
  const header = ["shape", "what", "median ms", "min", "max", "per task", "× graphile"];
  const cells = rows.map((row) => [
    row.shape,
    row.name,
    row.medianMs.toFixed(1),
    row.minMs.toFixed(1),
    row.maxMs.toFixed(1),
    row.perTaskMs.toFixed(2),
    row.ratioToPeer.toFixed(2),
  ]);
  console.log(`\n${formatTable([header, ...cells])}`);
}
