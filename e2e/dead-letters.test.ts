import { Kafka, logLevel, Partitioners } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { type Deployment, startCluster } from "./harness.ts";

const definition = `
id: wide
tasks:
${Array.from({ length: 6 }, (_, index) => `  - {id: t${index}, type: bash, operator: {bash_command: "true"}}`).join("\n")}
`;

const topic = "millrace.tasks.default";
const versionOne = { "ticket-version": "1" };
const garbage = Buffer.from([0xff, 0xff, 0xff]);
/** Longer than a ticket may be, and than what is kept of a message. */
const oversize = Buffer.alloc(100_000, 1);

/** One partition each, so that offsets are known. */
const poisons = [
  { partition: 0, key: "k", value: garbage, headers: versionOne, reason: "it is no millrace.v1.Ticket" },
  { partition: 1, key: "k", value: garbage, headers: { "ticket-version": "7" }, reason: 'its ticket-version is "7"' },
  { partition: 2, key: "k", value: oversize, headers: versionOne, reason: "it has 100000 bytes" },
  { partition: 3, key: "k", value: Buffer.alloc(0), headers: versionOne, reason: "it has no value" },
];

interface Letter {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly topic: string;
  readonly reason: string;
  readonly is_cut: boolean;
  readonly size: number;
  readonly replayed_at: string | null;
}

describe.skipIf(skipsWithoutKafka())("poison on a queue's topic (G12)", { timeout: 240_000 }, () => {
  let kafka: LocalKafka;
  let cluster: Deployment;

  beforeAll(async () => {
    kafka = await startLocalKafka();
    cluster = await startCluster({
      definitions: { "wide.yaml": definition },
      environment: {
        KAFKA_BROKERS: kafka.brokers.join(","),
        MILLRACE_KAFKA_PARTITIONS: "4",
        // Every attempt goes by a ticket.
        MILLRACE_EXECUTOR_HAND_OFF: "false",
      },
    });
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
    await kafka?.close();
  });

  async function list(): Promise<readonly Letter[]> {
    const { stdout, stderr } = await cluster.cli(["dead-letters", "list", "--output", "json"]);
    expect(stderr).toBe("");
    return JSON.parse(stdout) as readonly Letter[];
  }

  async function run(): Promise<void> {
    const { stdout, stderr } = await cluster.cli(["trigger", "wide", "--follow"]);
    expect(`${stdout}${stderr}`).toContain("✓ success wide");
  }

  test("is parked once, with where it lay and why, and the tickets behind it run", async () => {
    await expect.poll(() => countPartitions(kafka), { timeout: 60_000 }).toBe(4);
    const starts = await sendPoison(kafka);
    await expect.poll(async () => (await list()).length, { timeout: 60_000 }).toBe(poisons.length);
    await run();
    await run();
    const letters = (await list()).toSorted((a, b) => a.partition - b.partition);
    expect(letters).toHaveLength(poisons.length);
    for (const [place, { partition, value, reason }] of poisons.entries()) {
      const offset = starts.get(partition) ?? -1;
      const isCut = value.length > 65_536;
      expect(letters[place]).toMatchObject({ topic, partition, offset, size: value.length, is_cut: isCut });
      expect(letters[place]?.reason).toContain(reason);
    }
    expect(await cluster.readLogs()).toContain("a message that is no ticket was parked");
  });

  test("is shown, replayed, which parks it anew, and dropped", async () => {
    const [, cut, strange] = (await list()).toSorted((a, b) => b.partition - a.partition);
    const shown = await cluster.cli(["dead-letters", "show", strange?.id ?? ""]);
    expect(shown.stdout).toContain('header       ticket-version: "7"');
    expect(shown.stdout).toContain("3 bytes: 0xffffff");
    const refused = await cluster.cli(["dead-letters", "replay", cut?.id ?? ""]);
    expect(refused.stderr).toContain("DEAD_LETTER_NOT_REPLAYABLE");
    const replayed = await cluster.cli(["dead-letters", "replay", strange?.id ?? ""]);
    expect(`${replayed.stdout}${replayed.stderr}`).toMatch(/state +replayed 20/);
    await expect.poll(async () => (await list()).length, { timeout: 60_000 }).toBe(poisons.length + 1);
    const again = (await list()).find(({ id, partition }) => partition === strange?.partition && id !== strange.id);
    expect(again).toMatchObject({ reason: strange?.reason, replayed_at: null });
    expect(again?.offset).toBeGreaterThan(strange?.offset ?? 0);
    for (const { id } of await list()) await cluster.cli(["dead-letters", "drop", id, "--reason", "a test"]);
    expect((await cluster.cli(["dead-letters", "list"])).stdout).toBe("no dead letters\n");
    const missing = await cluster.cli(["dead-letters", "drop", strange?.id ?? ""]);
    expect(missing.stderr).toContain("DEAD_LETTER_NOT_FOUND");
    await run();
  });
});

function clientOf(kafka: LocalKafka): Kafka {
  return new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
}

async function countPartitions(kafka: LocalKafka): Promise<number> {
  const admin = clientOf(kafka).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  } catch {
    return 0;
  } finally {
    await admin.disconnect();
  }
}

/** Puts one message into each partition, past all checks of ours; answers its offset by partition. */
async function sendPoison(kafka: LocalKafka): Promise<ReadonlyMap<number, number>> {
  const producer = clientOf(kafka).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = poisons.map(({ partition, key, value, headers }) => ({ partition, key, value, headers }));
  const answers = await producer.send({ topic, messages });
  await producer.disconnect();
  return new Map(answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]));
}
