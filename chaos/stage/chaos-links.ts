import { type ClusterOptions, countOf, type ServiceName } from "#testing/cluster/cluster-options.ts";
import { leadThrough } from "../proxy/postgres-proxy.ts";
import { startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";
import type { ChaosPooler } from "./chaos-pooler.ts";

/** Services that speak to the database; workers never do. */
const databaseServices: readonly ServiceName[] = ["parser", "scheduler", "executor", "gateway"];

/** Every connection between processes that a fault may hit, each by itself. */
export interface ChaosLinks {
  /** Of each process to the database, by its name. */
  readonly toDatabase: ReadonlyMap<string, TcpProxy>;
  /** All that a process reaches the database by: itself, and through a pooler where there is one. */
  databaseLinksOf(name: string): readonly TcpProxy[];
  /** The database as a process reaches it. */
  readonly databaseUrl: (real: string, service: ServiceName, index: number) => string;
  /** The pooler as a process reaches it; null for workers, and where there is none. */
  readonly poolerUrl: (service: ServiceName, index: number) => string | null;
  /** The executors as a process reaches them: a worker through a link to each, and each worker another one first. */
  readonly executorUrls: (real: readonly string[], service: ServiceName, index: number) => readonly string[];
  /** All that begin or end at a process, besides those to the broker. */
  of(name: string): readonly TcpProxy[];
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function startChaosLinks(options: ClusterOptions, pooler: ChaosPooler | null): Promise<ChaosLinks> {
  const toDatabase = new Map<string, TcpProxy>();
  const toPooler = new Map<string, TcpProxy>();
  for (const service of databaseServices)
    for (const name of namesOf(service, options)) {
      toDatabase.set(name, await startTcpProxy());
      if (pooler !== null) toPooler.set(name, await startTcpProxy());
    }
  // As `worker-1/executor-2`.
  const toExecutors = new Map<string, TcpProxy>();
  for (const worker of namesOf("worker", options))
    for (const executor of namesOf("executor", options))
      toExecutors.set(`${worker}/${executor}`, await startTcpProxy());
  const all = [...toDatabase.values(), ...toPooler.values(), ...toExecutors.values()];
  const databaseLinksOf = (name: string): readonly TcpProxy[] =>
    [toDatabase.get(name), toPooler.get(name)].filter((link) => link !== undefined);
  return {
    toDatabase,
    databaseLinksOf,
    poolerUrl: (service, index) => {
      const link = toPooler.get(`${service}-${index}`);
      return link === undefined || pooler === null ? null : leadThrough(link, pooler.url());
    },
    databaseUrl: (real, service, index) => {
      pooler?.pointTo(real);
      const link = toDatabase.get(`${service}-${index}`);
      return link === undefined ? real : leadThrough(link, real);
    },
    executorUrls: (real, service, index) =>
      service === "worker"
        ? beginningAt(
            index - 1,
            real.map((url, place) => leadTo(toExecutors.get(`worker-${index}/executor-${place + 1}`), url)),
          )
        : real,
    of: (name) => {
      const others = [...toExecutors].filter(([ends]) => ends.split("/").includes(name)).map(([, one]) => one);
      return [...databaseLinksOf(name), ...others];
    },
    async heal() {
      for (const link of all) await link.heal();
    },
    async close() {
      for (const link of all) await link.close();
    },
  };
}

function namesOf(service: ServiceName, options: ClusterOptions): readonly string[] {
  return Array.from({ length: countOf(service, options) }, (_, place) => `${service}-${place + 1}`);
}

/** A worker takes the first that answers: were that the same for all, the other executors would have nothing to do. */
function beginningAt(place: number, urls: readonly string[]): readonly string[] {
  const first = place % urls.length;
  return [...urls.slice(first), ...urls.slice(0, first)];
}

function leadTo(link: TcpProxy | undefined, url: string): string {
  if (link === undefined) return url;
  const { hostname: host, port } = new URL(url);
  link.pointTo({ host, port: Number(port) });
  return `http://127.0.0.1:${link.port}`;
}
