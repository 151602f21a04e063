import type { Client } from "pg";
import { openFloor } from "../floor.ts";
import { openGraphile } from "../graphile.ts";
import { type Contender, type Figure, formatTable, measureInTurn } from "../measure.ts";
import { openRestate } from "../restate/open-restate.ts";
import { dagId, type Shape, shapes, taskCount, toDefinition } from "../shapes.ts";
import { startBenchCluster } from "./bench-cluster.ts";
import { atMost, type Goal } from "./goal.ts";

const names = {
  floor: "floor",
  restate: "Restate",
  graphile: "graphile-worker",
  handOff: "millrace",
  kafka: "millrace, no hand-off",
} as const;

/** For all: a JavaScript engine compiles what it runs often, and services run for days. */
const warmingRounds = 10;
const peerDatabase = "bench_peer";

interface Row extends Figure {
  readonly shape: string;
  readonly perTaskMs: number;
  readonly ratioToRestate: number;
  readonly ratioToGraphile: number;
}

/** What each shape is compared with: `[contender, peer, at most so many times the peer's time]`. */
const goals: Readonly<Record<string, readonly (readonly [string, "ratioToRestate" | "ratioToGraphile", number])[]>> = {
  one: [[names.handOff, "ratioToRestate", 2]],
  C40: [
    [names.handOff, "ratioToRestate", 0.6],
    [names.kafka, "ratioToRestate", 1],
  ],
  C200: [
    [names.handOff, "ratioToRestate", 0.6],
    [names.kafka, "ratioToRestate", 1],
  ],
  W1000: [[names.handOff, "ratioToGraphile", 1]],
  L10: [[names.handOff, "ratioToRestate", 0.6]],
};

/** Five processes, with hand-off and by tickets alone, beside Restate, graphile-worker and the floor, in turn. */
export async function measureShapes(isQuick: boolean): Promise<readonly Goal[]> {
  const rounds = isQuick ? { one: 5, other: 1 } : { one: 51, other: 5 };
  const uncounted = isQuick ? 1 : warmingRounds;
  const closers: (() => Promise<void>)[] = [];
  const keep = <T extends { close(): Promise<void> }>(opened: T): T => {
    closers.push(() => opened.close());
    return opened;
  };
  const rows: Row[] = [];
  try {
    const definitions = new Map(shapes.map((shape) => [dagId(shape), toDefinition(shape)]));
    const handOff = keep(await startBenchCluster({ definitions }));
    const kafka = keep(await startBenchCluster({ definitions, handOff: false }));
    const peerUrl = await createPeerDatabase(handOff.client, handOff.cluster.databaseUrl);
    const [graphile, floor] = [keep(await openGraphile(peerUrl)), keep(await openFloor(peerUrl))];
    const restate = await openRestate();
    if (restate !== null) keep(restate);
    for (const shape of shapes) {
      const contenders: Contender[] = [
        { name: names.floor, run: () => floor.run(shape) },
        ...(restate === null ? [] : [{ name: names.restate, run: () => restate.run(shape) }]),
        { name: names.graphile, run: () => graphile.run(shape) },
        { name: names.handOff, run: () => handOff.run(dagId(shape)) },
        { name: names.kafka, run: () => kafka.run(dagId(shape)) },
      ];
      const figures = await measureInTurn(contenders, shape.name === "one" ? rounds.one : rounds.other, uncounted);
      rows.push(...toRows(shape, figures));
    }
  } finally {
    for (const close of closers.toReversed()) await close();
  }
  report(rows);
  return toGoals(rows);
}

async function createPeerDatabase(client: Client, url: string): Promise<string> {
  await client.query(`CREATE DATABASE ${peerDatabase}`);
  const peer = new URL(url);
  peer.pathname = `/${peerDatabase}`;
  return peer.href;
}

function toRows(shape: Shape, figures: readonly Figure[]): readonly Row[] {
  const medianOf = (name: string): number => figures.find((figure) => figure.name === name)?.medianMs ?? Number.NaN;
  return figures.map((figure) => ({
    shape: shape.name,
    ...figure,
    perTaskMs: figure.medianMs / taskCount(shape),
    ratioToRestate: figure.medianMs / medianOf(names.restate),
    ratioToGraphile: figure.medianMs / medianOf(names.graphile),
  }));
}

function report(rows: readonly Row[]): void {
  for (const row of rows) console.log(JSON.stringify(row));
  const header = ["shape", "what", "median ms", "min", "max", "per task", "× Restate", "× graphile"];
  const cells = rows.map((row) => [
    row.shape,
    row.name,
    ...[row.medianMs, row.minMs, row.maxMs].map((ms) => ms.toFixed(1)),
    ...[row.perTaskMs, row.ratioToRestate, row.ratioToGraphile].map((ratio) => ratio.toFixed(2)),
  ]);
  console.log(`\n${formatTable([header, ...cells])}\n`);
}

function toGoals(rows: readonly Row[]): readonly Goal[] {
  return Object.entries(goals).flatMap(([shape, limits]) =>
    limits.map(([name, ratio, limit]) => {
      const row = rows.find((one) => one.shape === shape && one.name === name);
      const peer = ratio === "ratioToRestate" ? names.restate : names.graphile;
      return atMost(`${shape}, ${name}, beside ${peer}`, { value: row?.[ratio] ?? Number.NaN, unit: "×", limit });
    }),
  );
}
