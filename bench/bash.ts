import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { bashRunMs } from "./bash/bash-run.ts";
import { openNinja } from "./bash/ninja.ts";
import { openRunnerAlone } from "./bash/runner-alone.ts";
import { startBenchDatabase } from "./database.ts";
import { type Contender, type Figure, formatTable, measureInTurn } from "./measure.ts";
import { startFive } from "./millrace-server.ts";
import { type Shape, shapes, taskCount, toDefinition } from "./shapes.ts";

const work = "type: bash, operator: {bash_command: 'true'}";
/** Tasks at once, for all: as many as the machine has processors, which is everybody's default. */
const slots = availableParallelism();
/** At most so many times what ninja needs, and at least this part of the runner's own rate. */
const goals = { run: 1.25, five: 0.6 };
const wide: Shape = { name: "W300", layers: [300] };
const one: Shape = { name: "one", layers: [1] };

/**
 * Short shells: `millrace run` beside ninja on each shape, from the first start to the last end, and five processes
 * beside the runner alone. `quick`: one round instead of five; `five` and names of shapes choose what is measured.
 */
export async function benchBash(args: readonly string[]): Promise<void> {
  const rounds = args.includes("quick") ? 1 : 5;
  const names = args.filter((arg) => arg !== "quick");
  const isWanted = (name: string): boolean => names.length === 0 || names.includes(name);
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-bash-"));
  enableCompileCache();
  try {
    const rows: (readonly string[])[] = [];
    for (const shape of shapes.filter(({ name }) => name !== one.name && isWanted(name)))
      rows.push(await measureShape(folder, shape, rounds));
    if (isWanted("five")) rows.push(await measureFive(folder, rounds));
    const header = ["what", "ms per task", "min", "max", "beside", "min", "max", "ratio", "goal"];
    console.log(`\n${formatTable([header, ...rows])}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureShape(folder: string, shape: Shape, rounds: number): Promise<readonly string[]> {
  const file = join(folder, `${shape.name}.yaml`);
  await writeFile(file, toDefinition(shape, work));
  const ninja = await openNinja(folder, shape, slots);
  const [ours, theirs] = await measurePair(
    { name: `millrace run, ${shape.name}`, run: () => bashRunMs(file, slots) },
    { name: `ninja, ${shape.name}`, run: ninja },
    rounds,
  );
  return toRow([ours, theirs], taskCount(shape), { ratio: ours.medianMs / theirs.medianMs, goal: `≤ ${goals.run}` });
}

async function measureFive(folder: string, rounds: number): Promise<readonly string[]> {
  const dags = join(folder, "dags");
  await mkdir(dags);
  for (const shape of [one, wide]) await writeFile(join(dags, `${shape.name}.yaml`), toDefinition(shape, work));
  const tasks = taskCount(wide);
  const closers: (() => Promise<void>)[] = [];
  try {
    const database = await startBenchDatabase(["bench_bash"]);
    closers.push(() => database.stop());
    const alone = await openRunnerAlone(join(folder, "runner"));
    closers.push(() => alone.close());
    const five = await startFive(database.urls[0] ?? "", dags, slots);
    closers.push(() => five.close());
    const [ours, theirs] = await measurePair(
      { name: `five processes, ${wide.name}`, run: () => five.run(wide) },
      { name: `runner alone, ${wide.name}`, run: () => alone.run(tasks, slots) },
      rounds,
    );
    return toRow([ours, theirs], tasks, { ratio: theirs.medianMs / ours.medianMs, goal: `≥ ${goals.five}` });
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function measurePair(ours: Contender, theirs: Contender, rounds: number): Promise<readonly [Figure, Figure]> {
  const [first, second] = await measureInTurn([ours, theirs], rounds);
  if (first === undefined || second === undefined) throw new Error(`${ours.name} was not measured`);
  for (const figure of [first, second]) console.log(JSON.stringify(figure));
  return [first, second];
}

function toRow(
  figures: readonly [Figure, Figure],
  tasks: number,
  { ratio, goal }: { readonly ratio: number; readonly goal: string },
): readonly string[] {
  const perTask = (ms: number): string => (ms / tasks).toFixed(2);
  const cells = figures.map(({ medianMs, minMs, maxMs }) => [medianMs, minMs, maxMs].map(perTask));
  return [figures[0].name, ...(cells[0] ?? []), ...(cells[1] ?? []), ratio.toFixed(2), goal];
}
