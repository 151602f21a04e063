import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import { useNoIdleTimers } from "#bus/kafka/without-idle-timers.ts";
import { findFreePort } from "../free-port.ts";
import { removeLeftoverFolders } from "../leftover-folders.ts";
import { signalOwnProcess } from "../own-process.ts";
import { prepareKafkaJars } from "./kafka-jars.ts";
import { KafkaNode } from "./kafka-node.ts";

const folderPrefix = "millrace-kafka-";
const readyLimitMs = 90_000;
const pollMs = 100;
/** A port that was free may be taken a moment later. */
const startTries = 3;

export interface LocalKafkaOptions {
  readonly nodes?: 1 | 3;
  /** Listeners beside the plain one, by name, with their protocol, e.g. `{ SECURE: "SASL_SSL" }`. */
  readonly listeners?: Readonly<Record<string, string>>;
  /** Broker settings beside ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** For the formatting of the data, e.g. users. */
  readonly formatArguments?: readonly string[];
  /** The port that clients are told for the plain one, given the real one: a proxy's, for instance. Asked of one node. */
  readonly advertisedPort?: (real: number) => number;
  /** Told when the broker has to be fetched first. */
  readonly onFetch?: (line: string) => void;
}

export interface LocalKafka {
  /** `host:port` of each node. */
  readonly brokers: readonly string[];
  readonly nodes: readonly KafkaNode[];
  /** Port of a further listener, of the first node. */
  portOf(listener: string): number;
  /** Resolves when all nodes know each other. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

interface NodePorts {
  readonly id: number;
  readonly plain: number;
  readonly controller: number;
  readonly others: ReadonlyMap<string, number>;
}

/** A real Apache Kafka on free ports of the loopback address, with its data in a temporary folder that goes with it. */
export async function startLocalKafka(options: LocalKafkaOptions = {}): Promise<LocalKafka> {
  const jars = await prepareKafkaJars(options.onFetch);
  await removeLeftoverFolders(folderPrefix, endBrokers);
  for (let tries = 1; ; tries += 1) {
    const kafka = await launch(options, jars);
    try {
      await kafka.ready();
      return kafka;
    } catch (thrown) {
      await kafka.close();
      if (tries === startTries) throw thrown;
    }
  }
}

async function launch(options: LocalKafkaOptions, jars: string): Promise<LocalKafka> {
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const ports = await Promise.all(
    Array.from({ length: options.nodes ?? 1 }, (_, index) => findPorts(index + 1, options.listeners ?? {})),
  );
  const voters = ports.map(({ id, controller }) => `${id}@127.0.0.1:${controller}`).join(",");
  const nodes = ports.map((own) => {
    const settings = { ...settingsOf(own, options, ports.length), "controller.quorum.voters": voters };
    const data = { "log.dirs": join(folder, `data-${own.id}`) };
    return new KafkaNode({
      folder,
      jars,
      name: `node-${own.id}`,
      settings: { ...settings, ...data, ...options.settings },
    });
  });
  // The id may not begin with a dash, which would read as an option.
  const clusterId = `m${randomBytes(16).toString("base64url").slice(1)}`;
  await Promise.all(nodes.map((node) => node.format(clusterId, options.formatArguments ?? [])));
  await Promise.all(nodes.map((node) => node.start()));
  const brokers = ports.map(({ plain }) => `127.0.0.1:${plain}`);
  return {
    brokers,
    nodes,
    portOf: (listener) => ports[0]?.others.get(listener) ?? 0,
    ready: () => waitUntilReady(brokers, nodes),
    close: async () => {
      for (const node of nodes) node.thaw();
      await Promise.all(nodes.map((node) => node.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function findPorts(id: number, listeners: Readonly<Record<string, string>>): Promise<NodePorts> {
  const others = await Promise.all(Object.keys(listeners).map(async (name) => [name, await findFreePort()] as const));
  return { id, plain: await findFreePort(), controller: await findFreePort(), others: new Map(others) };
}

function settingsOf(ports: NodePorts, options: LocalKafkaOptions, count: number): Readonly<Record<string, string>> {
  const { id, plain, controller, others } = ports;
  const copies = String(count);
  const inSync = count === 3 ? "2" : "1";
  const extra = [...others].map(([name, port]) => `,${name}://127.0.0.1:${port}`).join("");
  const protocols = Object.entries({ PLAINTEXT: "PLAINTEXT", CONTROLLER: "PLAINTEXT", ...options.listeners });
  return {
    "process.roles": "broker,controller",
    "node.id": String(id),
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}${extra}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${options.advertisedPort?.(plain) ?? plain}${extra}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": protocols.map(([name, protocol]) => `${name}:${protocol}`).join(","),
    "auto.create.topics.enable": "false",
    "default.replication.factor": copies,
    "min.insync.replicas": inSync,
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": copies,
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.min.isr": inSync,
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    // With the default of 9 s a restart after a kill takes 14 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // 130 MB less memory.
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.segment.bytes": "16777216",
    "log.index.size.max.bytes": "1048576",
  };
}

async function waitUntilReady(brokers: readonly string[], nodes: readonly KafkaNode[]): Promise<void> {
  const deadline = performance.now() + readyLimitMs;
  for (;;) {
    const dead = nodes.find((node) => !node.isRunning);
    if (dead !== undefined) throw new Error(`a broker ended while it started:\n${await dead.describeFailure()}`);
    if ((await countBrokers(brokers)) === nodes.length) return;
    if (performance.now() > deadline)
      throw new Error(`no broker after ${readyLimitMs} ms:\n${await nodes[0]?.describeFailure()}`);
    await delay(pollMs);
  }
}

async function countBrokers(brokers: readonly string[]): Promise<number> {
  const retry = { retries: 0 };
  useNoIdleTimers();
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry, requestTimeout: 1000 }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length;
  } catch {
    return 0;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Brokers of a program that was killed, by the pid files in its folder. */
async function endBrokers(folder: string): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  for (const file of files.filter((one) => one.endsWith(".pid"))) {
    const pid = Number(await readFile(join(folder, file), "utf8"));
    signalOwnProcess(pid, join(folder, file.replace(/pid$/, "properties")), "SIGKILL");
  }
}
