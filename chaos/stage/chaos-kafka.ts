import { Kafka, logLevel } from "kafkajs";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";

/** Names that an installation has unless told otherwise. */
export const ticketTopic = "millrace.tasks.default";
export const ticketGroup = "millrace.workers.default";

/** A broker that can be killed, frozen, and cut off from everybody at once. */
export interface ChaosKafka {
  /** `host:port`, through the link. */
  readonly address: string;
  readonly broker: LocalKafka["nodes"][number];
  readonly link: TcpProxy;
  /** A client of our own, which is no part of what is judged. */
  readonly client: Kafka;
  readonly ready: () => Promise<void>;
  /** The broker runs and everybody reaches it. */
  heal(): Promise<void>;
  /** How many tickets are not consumed yet. */
  readLag(): Promise<number>;
  close(): Promise<void>;
}

export async function startChaosKafka(): Promise<ChaosKafka> {
  const link = await startTcpProxy();
  const kafka = await startLocalKafka({
    advertisedPort: (port) => {
      link.pointTo({ host: "127.0.0.1", port });
      return link.port;
    },
  });
  const [broker] = kafka.nodes;
  if (broker === undefined) throw new Error("Kafka has no node");
  const address = `127.0.0.1:${link.port}`;
  const client = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 10 } });
  return {
    address,
    broker,
    link,
    client,
    ready: () => kafka.ready(),
    readLag: () => readLag(client),
    async heal() {
      await link.heal();
      broker.thaw();
      if (!broker.isRunning) await broker.start();
      await kafka.ready();
    },
    async close() {
      await kafka.close();
      await link.close();
    },
  };
}

async function readLag(client: Kafka): Promise<number> {
  const admin = client.admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(ticketTopic);
    const [group] = await admin.fetchOffsets({ groupId: ticketGroup, topics: [ticketTopic] });
    const committed = new Map((group?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
    return ends.reduce((sum, { partition, high, low }) => {
      const place = committed.get(partition) ?? -1;
      return sum + Number(high) - (place < 0 ? Number(low) : place);
    }, 0);
  } finally {
    await admin.disconnect();
  }
}
