import { contenderNames, type Mode } from "./engine/contender-names.ts";
import { type ShapeName, shapeNames } from "./engine/graph-shape.ts";
import { MeasuredContender } from "./engine/measured-contender.ts";
import { type Figure, formatTable, measureInTurn } from "./measure.ts";

const sizes: readonly number[] = [100, 1_000, 10_000, 100_000, 1_000_000];
const rounds = 7;
const modes: readonly Mode[] = ["sync", "async"];

interface Row extends Figure {
  readonly shape: ShapeName;
  readonly tasks: number;
  readonly mode: Mode;
  readonly failure: string | null;
  readonly nsPerTask: number;
  /** Against the counter floor (sync) or bare promises (async). */
  readonly ratio: number;
  readonly nsBeyond: number;
  readonly prepareNsPerTask: number;
  readonly graphBytesPerTask: number;
  readonly resultBytesPerTask: number;
}

/**
 * The in-process engine beside its peers and hand-written code, on graphs of 100 to 1,000,000 tasks that do nothing; in
 * turn, each in a process of its own. Arguments choose shapes, sizes and modes: `engine chain 1000 async`.
 */
export async function benchEngine(only: readonly string[]): Promise<void> {
  const wanted = (choice: string, all: readonly string[]): boolean =>
    only.includes(choice) || !all.some((other) => only.includes(other));
  const rows: Row[] = [];
  const failed = new Map<string, string>();
  for (const shape of shapeNames.filter((name) => wanted(name, shapeNames))) {
    for (const size of sizes.filter((one) => wanted(String(one), sizes.map(String)))) {
      for (const mode of modes.filter((name) => wanted(name, modes))) {
        const found = await measureGraph({ shape, size, mode, failed });
        for (const row of found) console.log(JSON.stringify(row));
        rows.push(...found);
      }
    }
  }
  report(rows);
}

interface GraphTask {
  readonly shape: ShapeName;
  readonly size: number;
  readonly mode: Mode;
  /** Contenders that could not do a smaller graph of this shape, with the reason. */
  readonly failed: Map<string, string>;
}

async function measureGraph({ shape, size, mode, failed }: GraphTask): Promise<readonly Row[]> {
  const able = contenderNames[mode].filter((name) => !failed.has(`${shape} ${mode} ${name}`));
  const measured: MeasuredContender[] = [];
  for (const name of able) {
    const contender = new MeasuredContender({ mode, name, shape, size });
    await contender.prepare();
    measured.push(contender);
  }
  const figures = await measureInTurn(
    measured.map((contender) => ({ name: contender.name, run: () => contender.run() })),
    rounds,
  );
  for (const contender of measured) contender.close();
  const base = (figures[0]?.medianMs ?? Number.NaN) * 1e6;
  for (const { name, failure } of measured) {
    if (failure !== null) failed.set(`${shape} ${mode} ${name}`, `${failure} at ${size}`);
  }
  return figures.map((figure, place) => {
    const nanoseconds = figure.medianMs * 1e6;
    const { prepared, failure } = measured[place] ?? { prepared: null, failure: null };
    return {
      shape,
      tasks: size,
      mode,
      ...figure,
      failure,
      nsPerTask: nanoseconds / size,
      ratio: nanoseconds / base,
      nsBeyond: (nanoseconds - base) / size,
      prepareNsPerTask: ((prepared?.prepareMs ?? Number.NaN) * 1e6) / size,
      graphBytesPerTask: (prepared?.graphBytes ?? Number.NaN) / size,
      resultBytesPerTask: (prepared?.resultBytes ?? Number.NaN) / size,
    };
  });
}

function report(rows: readonly Row[]): void {
  const header = [
    "graph",
    "what",
    "median ms",
    "ns/task",
    "min",
    "× first",
    "ns beyond",
    "prepare ns/task",
    "graph B/task",
    "result B/task",
  ];
  const cells = rows.map((row) => [
    `${row.shape} ${row.tasks} ${row.mode}`,
    row.failure === null ? row.name : `${row.name}: ${row.failure.slice(0, 40)}`,
    row.medianMs.toFixed(3),
    row.nsPerTask.toFixed(0),
    ((row.minMs * 1e6) / row.tasks).toFixed(0),
    row.ratio.toFixed(2),
    row.nsBeyond.toFixed(0),
    row.prepareNsPerTask.toFixed(0),
    row.graphBytesPerTask.toFixed(0),
    row.resultBytesPerTask.toFixed(0),
  ]);
  console.log(`\n${formatTable([header, ...cells])}`);
}
