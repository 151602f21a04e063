import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { KafkaNode } from "../kafka/kafka-node.ts";
import { type LocalKafka, startLocalKafka } from "../kafka/local-kafka.ts";
import { removeLeftoverFolders } from "../leftover-folders.ts";
import { type ClusterDatabase, startClusterDatabase } from "./cluster-database.ts";
import { type ClusterOptions, countOf, type ServiceName } from "./cluster-options.ts";
import { type ClusterProcess, logFileOf, startClusterProcess } from "./cluster-process.ts";
import { serviceArguments, serviceEnvironment } from "./service-command.ts";

const folderPrefix = "millrace-cluster-";

/** Those of one step need nothing of each other; each step needs the ones before it. */
const startSteps: readonly (readonly ServiceName[])[] = [["parser", "scheduler"], ["executor"], ["worker", "gateway"]];
/** No new calls first; workers give back what they have while executors still answer. */
const stopSteps: readonly (readonly ServiceName[])[] = [["gateway"], ["worker"], ["executor", "scheduler", "parser"]];

/** Millrace as real processes, on free ports of the loopback address, with a database and brokers of its own. */
export interface LocalCluster {
  readonly folder: string;
  readonly dagsFolder: string;
  /** Of the first gateway. */
  readonly gatewayUrl: string;
  /** Where the database really is. */
  readonly databaseUrl: string;
  readonly database: ClusterDatabase;
  /** Empty without Kafka. */
  readonly brokers: readonly KafkaNode[];
  /** `host:port` of each broker. */
  readonly brokerAddresses: readonly string[];
  /** In the order in which they were started. */
  readonly processes: readonly ClusterProcess[];
  of(service: ServiceName): readonly ClusterProcess[];
  /** One more. It knows the others that there are now; those learn of it when they are started again. */
  add(service: ServiceName): Promise<ClusterProcess>;
  /** Ends everything in order, also what is frozen, and removes the folder unless it was given. */
  stop(): Promise<void>;
}

/** Everything ends with our process, also when that is killed; a temporary folder is then removed by the next cluster. */
export async function startLocalCluster(options: ClusterOptions = {}): Promise<LocalCluster> {
  const place = await preparePlace(options);
  const base = await startBase(options, place.folder).catch(async (thrown: unknown) => {
    await place.remove();
    throw thrown;
  });
  const cluster = createCluster(options, { ...place, ...base });
  try {
    await startServices(options, cluster.launch);
    return cluster;
  } catch (thrown) {
    await cluster.stop();
    throw thrown;
  }
}

interface Place {
  readonly folder: string;
  readonly dagsFolder: string;
  /** Of a temporary folder; does nothing to a given one. */
  readonly remove: () => Promise<void>;
}

interface Base {
  readonly database: ClusterDatabase;
  readonly kafka: LocalKafka | null;
}

async function preparePlace(options: ClusterOptions): Promise<Place> {
  await removeLeftoverFolders(folderPrefix);
  const given = options.folder === undefined ? null : resolve(options.folder);
  const folder = given ?? (await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`)));
  await mkdir(join(folder, "logs"), { recursive: true });
  // The database runs under another account when we are root.
  if (given === null) await chmod(folder, 0o711);
  const dagsFolder = resolve(options.dagsFolder ?? join(folder, "dags"));
  await mkdir(dagsFolder, { recursive: true });
  const remove = async (): Promise<void> => {
    if (given === null) await rm(folder, { recursive: true, force: true });
  };
  return { folder, dagsFolder, remove };
}

async function startBase({ brokers = 0, onProgress }: ClusterOptions, folder: string): Promise<Base> {
  const fetchedBy = onProgress === undefined ? {} : { onFetch: onProgress };
  const [database, kafka] = await Promise.allSettled([
    startClusterDatabase({ dataDir: join(folder, "database"), logFile: logFileOf(folder, "database") }),
    brokers === 0 ? Promise.resolve(null) : startLocalKafka({ nodes: brokers, ...fetchedBy }),
  ]);
  if (database.status === "fulfilled" && kafka.status === "fulfilled") {
    onProgress?.("PostgreSQL is ready");
    if (kafka.value !== null) onProgress?.(`Apache Kafka is ready at ${kafka.value.brokers.join(", ")}`);
    return { database: database.value, kafka: kafka.value };
  }
  if (database.status === "fulfilled") await database.value.close();
  if (kafka.status === "fulfilled") await kafka.value?.close();
  throw database.status === "rejected" ? database.reason : (kafka as PromiseRejectedResult).reason;
}

type Launch = (service: ServiceName, index: number, signal?: AbortSignal) => Promise<ClusterProcess>;

async function startServices(options: ClusterOptions, launch: Launch): Promise<void> {
  // What fails first ends the waiting for the others.
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  for (const step of startSteps) {
    const starts = step.flatMap((service) =>
      Array.from({ length: countOf(service, options) }, (_, at) => launch(service, at + 1, signal)),
    );
    for (const start of starts) start.catch((thrown: unknown) => failed.abort(thrown));
    await Promise.allSettled(starts);
    failed.signal.throwIfAborted();
  }
}

function createCluster(options: ClusterOptions, parts: Place & Base): LocalCluster & { readonly launch: Launch } {
  const { folder, dagsFolder, database, kafka } = parts;
  const processes: ClusterProcess[] = [];
  const of = (service: ServiceName): readonly ClusterProcess[] =>
    processes.filter((one) => one.service === service).toSorted((a, b) => a.index - b.index);
  const urlsOf = (service: ServiceName): readonly string[] => of(service).map(({ url }) => url);
  const brokerAddresses = kafka?.brokers ?? [];

  const launch: Launch = async (service, index, signal) => {
    const port = service === "gateway" && index === 1 ? (options.ports?.gateway ?? 0) : 0;
    const nodeArguments = options.nodeArguments ?? [];
    const started = await startClusterProcess({ service, index, port, folder, nodeArguments }, (ownPort) => ({
      args: serviceArguments(
        { service, name: `${service}-${index}`, port: ownPort, folder, dagsFolder },
        {
          parser: urlsOf("parser"),
          scheduler: urlsOf("scheduler"),
          executor: options.executorUrls?.(urlsOf("executor"), service, index) ?? urlsOf("executor"),
        },
      ),
      environment: {
        ...serviceEnvironment(service, {
          databaseUrl: options.databaseUrl?.(database.connectionString, service, index) ?? database.connectionString,
          kafkaBrokers: options.kafkaBrokers?.(brokerAddresses, service, index) ?? brokerAddresses,
        }),
        ...options.environment,
        ...options.environmentOf?.(service, index),
      },
      ...programOf(options, service, index),
      ...(signal === undefined ? {} : { signal }),
    }));
    processes.push(started);
    options.onProgress?.(`${started.name} is ready at ${started.url}`);
    return started;
  };

  const stop = async (): Promise<void> => {
    for (const step of stopSteps) {
      const ending = step.flatMap(of).filter(({ isRunning }) => isRunning);
      await Promise.all(ending.map((one) => one.stop().then(() => options.onProgress?.(`${one.name} has stopped`))));
    }
    await kafka?.close();
    await database.close();
    await parts.remove();
  };

  return {
    folder,
    dagsFolder,
    get gatewayUrl() {
      return urlsOf("gateway")[0] ?? "";
    },
    databaseUrl: database.connectionString,
    database,
    brokers: kafka?.nodes ?? [],
    brokerAddresses,
    processes,
    of,
    add: (service) => launch(service, Math.max(0, ...of(service).map(({ index }) => index)) + 1),
    stop,
    launch,
  };
}

function programOf(options: ClusterOptions, service: ServiceName, index: number): { readonly program?: string } {
  const program = options.programOf?.(service, index) ?? null;
  return program === null ? {} : { program };
}
