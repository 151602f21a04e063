import { setTimeout as delay } from "node:timers/promises";
import { setPool, trigger } from "../gateway-calls.ts";
import { type Figure, measureInTurn } from "../measure.ts";
import { dagId, shapes, taskCount, toDefinition } from "../shapes.ts";
import { type BenchCluster, slots, startBenchCluster } from "./bench-cluster.ts";
import { atMost, type Goal } from "./goal.ts";
import { memoryLimitMib, openMemoryWatch } from "./memory-watch.ts";
import { waitUntil } from "./wait-until.ts";

const pool = "later";
const queue = "later";
const tasksOfEach = 500;
const triggersAtOnce = 8;
const mostSlower = 2;

/** Where the waiting tasks wait, and what lets them go on. */
interface Kind {
  readonly name: string;
  readonly taskKeys: string;
  readonly prepare: (bench: BenchCluster) => Promise<unknown>;
  readonly release: (bench: BenchCluster) => Promise<unknown>;
}

const kinds: readonly Kind[] = [
  {
    name: "in a full pool",
    taskKeys: `pool: ${pool}`,
    prepare: ({ cluster }) => setPool(cluster.gatewayUrl, pool, 0),
    release: ({ cluster }) => setPool(cluster.gatewayUrl, pool, slots),
  },
  {
    name: "in a queue without a worker",
    taskKeys: `queue: ${queue}`,
    prepare: () => Promise.resolve(),
    release: ({ cluster }) => cluster.add("worker"),
  },
];

/**
 * What 100,000 queued instances do to the hops of another DAG, and to the memory of every service while they are made,
 * wait and are worked off.
 */
export async function measureBacklog(isQuick: boolean): Promise<readonly Goal[]> {
  const size = isQuick ? { dags: 10, rounds: 1, workedOffMs: 3000 } : { dags: 200, rounds: 5, workedOffMs: 60_000 };
  const goals: Goal[] = [];
  for (const kind of kinds) goals.push(...(await measureKind(kind, size)));
  return goals;
}

async function measureKind(
  kind: Kind,
  { dags, rounds, workedOffMs }: { readonly dags: number; readonly rounds: number; readonly workedOffMs: number },
): Promise<readonly Goal[]> {
  const chain = shapes.find(({ name }) => name === "C40");
  if (chain === undefined) throw new Error("there is no shape C40");
  const waiting = Array.from({ length: dags }, (_, place) => `waiting_${place}`);
  const bench = await startBenchCluster({
    definitions: new Map([
      [dagId(chain), toDefinition(chain)],
      ...waiting.map((id) => [id, wideDefinition(id, kind.taskKeys)] as const),
    ]),
    environmentOf: (service, index) => (service === "worker" && index > 1 ? { MILLRACE_WORKER_QUEUES: queue } : {}),
  });
  const memory = openMemoryWatch(bench.cluster);
  try {
    const hop = async (): Promise<Figure | undefined> => {
      const contender = { name: "a hop", run: async () => (await bench.run(dagId(chain))) / taskCount(chain) };
      return (await measureInTurn([contender], rounds))[0];
    };
    const alone = (await hop())?.medianMs ?? Number.NaN;
    await kind.prepare(bench);
    await makeBacklog(bench, waiting);
    const beside = (await hop())?.medianMs ?? Number.NaN;
    await kind.release(bench);
    await delay(workedOffMs);
    const count = (dags * tasksOfEach).toLocaleString("en");
    const what = `${count} queued ${kind.name}`;
    const others = { alone: { value: alone, unit: "ms", limit: null }, beside: { value: beside, unit: "ms" } };
    return [
      atMost(`a hop before there were ${what}`, others.alone),
      atMost(`a hop beside ${what}`, { ...others.beside, limit: mostSlower * alone }),
      ...[...(await memory.close())].map(([name, mib]) =>
        atMost(`most memory of ${name}, ${what}`, { value: mib, unit: "MiB", limit: memoryLimitMib }),
      ),
    ];
  } finally {
    await memory.close();
    await bench.close();
  }
}

/** Resolves when everything is queued and told, so that what follows measures its presence and not its making. */
async function makeBacklog({ cluster, client }: BenchCluster, dags: readonly string[]): Promise<void> {
  for (let made = 0; made < dags.length; made += triggersAtOnce) {
    await Promise.all(dags.slice(made, made + triggersAtOnce).map((dag) => trigger(cluster.gatewayUrl, dag)));
  }
  const count = dags.length * tasksOfEach;
  await waitUntil(client, `SELECT count(*) = ${count} AS is_so FROM task_instances WHERE state = 'queued'`);
  await waitUntil(client, "SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE event_id IS NULL) AS is_so");
}

function wideDefinition(id: string, taskKeys: string): string {
  const tasks = Array.from(
    { length: tasksOfEach },
    (_, place) => `  - {id: t${place}, type: noop, operator: {}, ${taskKeys}}`,
  );
  return `id: ${id}\ntasks:\n${tasks.join("\n")}\n`;
}
