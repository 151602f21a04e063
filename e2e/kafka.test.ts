import { Kafka, logLevel, Partitioners } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { type Deployment, startCluster } from "./harness.ts";

/** A chain, which is handed on, and a wide part, which is dispatched. */
const graph = `
id: graph
tasks:
  - {id: first, type: bash, operator: {bash_command: "echo begun"}}
  - {id: second, type: noop, dependencies: [first], operator: {}}
${Array.from({ length: 20 }, (_, index) => `  - {id: wide${index}, type: bash, dependencies: [second], operator: {bash_command: "sleep 0.1"}}`).join("\n")}
  - {id: last, type: noop, dependencies: [${Array.from({ length: 20 }, (_, index) => `wide${index}`).join(", ")}], operator: {}}
`;

/** Beside the others: one whose topic is not there, and one whose brokers are not. */
const sensors = `
id: orders
max_active_runs: 100
sensors:
  - {id: large, type: kafka, topic: shop.orders, match: "value.total > 100", poll_interval: 1s}
  - {id: missing, type: kafka, topic: shop.nothing, poll_interval: 1s}
  - {id: nowhere, type: kafka, topic: shop.orders, connection: closed, poll_interval: 1s}
tasks:
  - {id: note, type: noop, operator: {}}
`;

const ended = `✓ success graph`;

describe.skipIf(skipsWithoutKafka())("a cluster with Kafka", { timeout: 240_000 }, () => {
  let kafka: LocalKafka;
  let cluster: Deployment;

  beforeAll(async () => {
    kafka = await startLocalKafka();
    await createTopic(kafka, "shop.orders");
    cluster = await startCluster({
      definitions: { "graph.yaml": graph, "orders.yaml": sensors },
      environment: {
        KAFKA_BROKERS: kafka.brokers.join(","),
        // Every attempt goes by a ticket.
        MILLRACE_EXECUTOR_HAND_OFF: "false",
        MILLRACE_WORKER_SLOTS: "4",
        MILLRACE_SCHEDULER_LEASE: "2s",
        MILLRACE_CONN_CLOSED: "kafka://127.0.0.1:9",
      },
    });
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
    await kafka?.close();
  });

  const run = async (): Promise<string> => {
    const { stdout, stderr } = await cluster.cli(["trigger", "graph", "--follow"]);
    expect(`${stdout}${stderr}`).toContain(ended);
    return stdout;
  };

  const busHealth = async (): Promise<string> => {
    const executor = cluster.children.get("executor");
    const response = await fetch(`${executor?.url}/readyz`);
    const { components } = (await response.json()) as { components: Record<string, { status: string }> };
    return components["bus"]?.status ?? "";
  };

  test("gives attempts to workers by tickets, once topics and partitions are there", async () => {
    await expect.poll(busHealth, { timeout: 30_000 }).toBe("healthy");
    await expect
      .poll(
        async () => {
          await run();
          return countMessages(kafka, "millrace.tasks.default");
        },
        { timeout: 60_000 },
      )
      .toBeGreaterThan(10);
  });

  test("publishes the public events of a run in their order, as CloudEvents", async () => {
    await run();
    const response = await fetch(`${cluster.url}/api/v1/dags/graph/runs/latest`);
    const { dag_run_id: id } = (await response.json()) as { dag_run_id: string };
    const ofRun = async (): Promise<readonly CloudEvent[]> =>
      (await readEvents(kafka)).filter((event) => event.data["dag_run_id"] === id);
    await expect.poll(async () => (await ofRun()).at(-1)?.type, { timeout: 30_000 }).toBe("millrace.dag_run.ended");
    const events = await ofRun();
    expect(events[0]).toMatchObject({ specversion: "1.0", source: "/millrace", type: "millrace.dag_run.created" });
    const ids = events.map((event) => Number(event.id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(events.map((event) => event.subject))).toContain(`${id}__wide7`);
  });

  test("makes one run of each message that matches, though the scheduler is killed again and again", async () => {
    const get = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
      (await (await fetch(`${cluster.url}/api/v1${path}`)).json()) as Readonly<Record<string, unknown>>;
    const patience = { timeout: 60_000, interval: 100 };
    await expect.poll(async () => (await get("/sensors/orders/large"))["state"], patience).toBe("active");
    const totals = Array.from({ length: 120 }, (_, place) => place + 1);
    await send(kafka, "shop.orders", [
      "no JSON",
      ...totals.map((place) => JSON.stringify({ total: 100 * (place % 2) + place })),
    ]);
    const matching = totals.filter((place) => 100 * (place % 2) + place > 100).length;
    const eventCount = async () => (await get("/sensors/orders/large/events?limit=1"))["total_count"];
    for (const mark of [1, 30]) {
      await expect.poll(eventCount, patience).toBeGreaterThanOrEqual(mark);
      await cluster.restart("scheduler");
    }
    await expect.poll(eventCount, patience).toBe(matching);
    expect(await get("/dagRuns?dag_id=orders&limit=1")).toMatchObject({ total_count: matching });
    expect((await get("/sensors/orders/missing"))["error"]).toContain("there is no topic shop.nothing");
    await expect
      .poll(async () => (await get("/sensors/orders/nowhere"))["error"], patience)
      .toContain("the brokers 127.0.0.1:9");
  });

  test("goes on over the sessions while the broker is away, and events follow when it is back", async () => {
    await kafka.nodes[0]?.kill();
    await run();
    await expect.poll(busHealth, { timeout: 30_000 }).toBe("degraded");
    await run();
    await kafka.nodes[0]?.start();
    await kafka.ready();
    const response = await fetch(`${cluster.url}/api/v1/dags/graph/dagRuns?limit=100`);
    const { dag_runs: runs } = (await response.json()) as { dag_runs: readonly unknown[] };
    await expect
      .poll(async () => new Set((await readEvents(kafka)).filter(isEnd).map((event) => event.subject)).size, {
        timeout: 60_000,
        interval: 500,
      })
      .toBe(runs.length);
    await expect.poll(busHealth, { timeout: 30_000 }).toBe("healthy");
  });
});

interface CloudEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function isEnd(event: CloudEvent): boolean {
  return event.type === "millrace.dag_run.ended" && event.subject.startsWith("graph__");
}

function clientOf(kafka: LocalKafka): Kafka {
  return new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
}

async function createTopic(kafka: LocalKafka, topic: string): Promise<void> {
  const admin = clientOf(kafka).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 3 }] });
  await admin.disconnect();
}

async function send(kafka: LocalKafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = clientOf(kafka).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

async function countMessages(kafka: LocalKafka, topic: string): Promise<number> {
  const admin = clientOf(kafka).admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
}

/** Everything on the events' topic, in the order of each run. */
async function readEvents(kafka: LocalKafka): Promise<readonly CloudEvent[]> {
  const topic = "millrace.events";
  const expected = await countMessages(kafka, topic);
  const consumer = clientOf(kafka).consumer({ groupId: `reader-${Math.random()}`, maxWaitTimeInMs: 100 });
  const events: CloudEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      events.push(JSON.parse(String(message.value)) as CloudEvent);
      if (events.length === expected) resolve();
    },
  });
  if (expected > 0) await promise;
  await consumer.disconnect();
  return events;
}
