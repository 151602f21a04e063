import { once } from "node:events";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { serviceNames } from "#testing/cluster/cluster-options.ts";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import { type LocalCluster, startLocalCluster } from "#testing/cluster/local-cluster.ts";
import { findMissingKafkaTool } from "#testing/kafka/kafka-jars.ts";
import { exampleEnvironment } from "../start/dev-arguments.ts";
import type { ClusterPlan } from "./cluster-arguments.ts";
import {
  type ClusterRecord,
  type RecordedPart,
  readRunningCluster,
  removeRecord,
  writeRecord,
} from "./cluster-record.ts";
import { describeCluster } from "./cluster-table.ts";

type Say = (text: string) => void;

const missingToolCode = 127;
const interruptedCode = 130;

/** Starts the cluster and keeps it until a signal, then stops it in order; a second signal ends everything at once. Answers the exit code. */
export async function bringUp(plan: ClusterPlan, say: Say): Promise<number> {
  const obstacle = await findObstacle(plan);
  if (obstacle !== null) {
    process.stderr.write(`${obstacle.message}\n`);
    return obstacle.exitCode;
  }
  const stop = stopOnSignal(say);
  const { folder } = plan;
  await writeRecord(emptyRecord(folder));
  let cluster: LocalCluster | null = null;
  try {
    say(`starting a cluster in ${folder}`);
    cluster = await startLocalCluster(clusterOptions(plan, stop, say));
    const record = recordOf(cluster, plan);
    await writeRecord(record);
    say(`\n${describeCluster(record, process.cwd())}\n`);
    for (const one of cluster.processes) void one.exited.then((code) => sayEnd(one, code, stop, say));
    if (!stop.aborted) await once(stop, "abort");
    await writeRecord({ ...record, state: "stopping" });
    return 0;
  } catch (thrown) {
    if (stop.aborted) return interruptedCode;
    process.stderr.write(`the cluster did not start: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  } finally {
    await cluster?.stop();
    await removeRecord(folder);
    say("everything has stopped");
  }
}

function emptyRecord(folder: string): ClusterRecord {
  const unknown = { gatewayUrl: "", databaseUrl: "", firstCommand: "" };
  return { pid: process.pid, state: "starting", folder, parts: [], ...unknown };
}

interface Obstacle {
  readonly message: string;
  readonly exitCode: number;
}

async function findObstacle({ folder, port, brokers }: ClusterPlan): Promise<Obstacle | null> {
  const other = await readRunningCluster(folder);
  if (other !== null) {
    const advice = "scripts/cluster down ends it; a second one takes another --data and --port";
    return { message: `process ${other.pid} keeps a cluster in ${folder} already: ${advice}`, exitCode: 1 };
  }
  const missing = brokers === 0 ? null : findMissingKafkaTool();
  if (missing !== null) {
    const advice = "or do without a broker: scripts/cluster up --brokers 0";
    return { message: `Apache Kafka can't run here, ${missing}; ${advice}`, exitCode: missingToolCode };
  }
  if (await isFree(port)) return null;
  return { message: `port ${port} is in use: choose another for the gateway with --port`, exitCode: 1 };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

function stopOnSignal(say: Say): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // What we started ends with us.
      if (stop.signal.aborted) process.exit(interruptedCode);
      say("\nstopping; a second signal ends everything at once");
      stop.abort(new Error("stopped"));
    });
  }
  return stop.signal;
}

function clusterOptions(plan: ClusterPlan, signal: AbortSignal, say: Say) {
  const { parsers, schedulers, executors, workers, gateways, brokers, folder, port } = plan;
  const forExamples = plan.servesExamples ? exampleEnvironment(`127.0.0.1:${port}`, folder) : {};
  return {
    ...{ parsers, schedulers, executors, workers, gateways, brokers, folder, signal },
    dagsFolder: plan.dags,
    ports: { gateway: port },
    // What a stopping worker still runs is interrupted soon, and runs again at the next start without cost.
    environment: { ...forExamples, MILLRACE_WORKER_DRAIN_TIMEOUT: "5s", ...ownVariables() },
    onProgress: (line: string) => say(`  ${line}`),
  };
}

/** The caller's settings; services run in another folder than the caller. */
function ownVariables(): Readonly<Record<string, string>> {
  const given = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[0].startsWith("MILLRACE_"),
  );
  return Object.fromEntries(given.map(([name, value]) => [name, name === "MILLRACE_CONFIG" ? resolve(value) : value]));
}

function recordOf(cluster: LocalCluster, { servesExamples }: ClusterPlan): ClusterRecord {
  const { folder, gatewayUrl, databaseUrl } = cluster;
  const services = serviceNames
    .flatMap((service) => cluster.of(service))
    .map(
      ({ name, pid, url, logFile }): RecordedPart => ({ name, pid, address: url, logFile, mark: join(folder, name) }),
    );
  const brokers = cluster.brokers.map(
    ({ pid, logFile, propertiesFile }, at): RecordedPart => ({
      ...{ name: `kafka-${at + 1}`, pid, address: cluster.brokerAddresses[at] ?? "", logFile, mark: propertiesFile },
    }),
  );
  const firstCommand = servesExamples ? "trigger quickstart --follow" : "dags list";
  const found = { gatewayUrl, databaseUrl, firstCommand };
  return { ...emptyRecord(folder), state: "running", parts: [...services, ...brokers], ...found };
}

function sayEnd({ name, logFile }: ClusterProcess, code: number | null, stop: AbortSignal, say: Say): void {
  if (stop.aborted) return;
  const how = code === null ? "was killed" : `ended with ${code}`;
  say(`${name} ${how}; the others go on without it (its log: ${logFile})`);
}
