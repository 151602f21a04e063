import { setTimeout as delay } from "node:timers/promises";
import type { LedgerTask } from "../ledger/ledger-dag.ts";
import type { ChaosKafka } from "../stage/chaos-kafka.ts";
import { ticketGroup, ticketTopic } from "../stage/chaos-kafka.ts";
import { queryRow } from "../stage/query-row.ts";
import type { AfterFaults, Scenario, Stage } from "../stage/scenario.ts";
import { workerLeaseMs } from "../stage/setups.ts";
import { findInterrupted } from "./interrupted.ts";
import { ordinaryLoad } from "./ordinary-load.ts";
import { startReplay } from "./ticket-replay.ts";

const lagDeadlineMs = 30_000;
const pollMs = 200;

type BrokerFault = (kafka: ChaosKafka, stage: Stage) => Promise<void>;

const brokerFaults: Readonly<Record<string, BrokerFault>> = {
  "broker killed": async ({ broker, ready }, { pause, random }) => {
    await broker.kill();
    await pause(random.between(500, 2000));
    await broker.start();
    await ready();
  },
  "broker frozen": async ({ broker }, { pause, random }) => {
    broker.freeze();
    await pause(random.between(0.5, 2) * workerLeaseMs);
    broker.thaw();
  },
  "500 ms slower": async ({ link }, { pause }) => {
    link.setLink("toClient", { delayMs: 500 });
    await pause(3000);
    link.setLink("toClient", { delayMs: 0 });
  },
  "connections cut": async ({ link }, { pause }) => {
    link.cut();
    await pause(500);
  },
};

export const breakBroker: Scenario = {
  setup: "kafka",
  id: "A8",
  title: "the broker is killed, frozen, slow, cut off",
  shortMs: 12_000,
  load: ordinaryLoad("a8"),
  async fault(stage) {
    const kafka = kafkaOf(stage);
    while (!stage.over.aborted) {
      for (const [name, fault] of Object.entries(brokerFaults)) {
        if (stage.over.aborted) return;
        await stage.pause(500);
        await fault(kafka, stage);
        stage.count(name);
      }
    }
  },
  check: findLag,
};

/** Consumers come and go while others run; only what is drained in time may be begun again. */
export const rebalance: Scenario = {
  setup: "kafka",
  id: "A9",
  title: "workers leave and join all the time",
  shortMs: 8000,
  load: ordinaryLoad("a9"),
  async fault(stage) {
    while (!stage.over.aborted) {
      const worker = stage.random.pick(stage.cluster.of("worker"));
      await stage.cluster.end(worker);
      await worker.start();
      stage.count("worker left and joined");
      await stage.pause(stage.form === "short" ? 500 : 5000);
    }
  },
  check: findInterrupted,
};

/** What an attacker, a bug or another program may write to a topic of tickets. */
const poison: Readonly<
  Record<string, { readonly value: Buffer | null; readonly headers: Readonly<Record<string, string>> }>
> = {
  "no ticket": { value: Buffer.from("hello"), headers: {} },
  "no value": { value: null, headers: { "ticket-version": "1" } },
  "empty value": { value: Buffer.alloc(0), headers: { "ticket-version": "1" } },
  "broken protobuf": { value: Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), headers: { "ticket-version": "1" } },
  "version of the future": { value: Buffer.from([1, 2, 3]), headers: { "ticket-version": "99" } },
  oversize: { value: Buffer.alloc(900_000, 7), headers: { "ticket-version": "1" } },
};

export const writePoison: Scenario = {
  setup: "kafka",
  id: "A10",
  title: "malformed, unknown, oversize and replayed records",
  shortMs: 6000,
  load: ordinaryLoad("a10"),
  async fault(stage) {
    const { client } = kafkaOf(stage);
    const producer = client.producer();
    await producer.connect();
    const replay = await startReplay(kafkaOf(stage), {
      isTicket,
      latenessMs: () => [0],
    });
    try {
      while (!stage.over.aborted) {
        for (const [name, message] of Object.entries(poison)) {
          await producer.send({ topic: ticketTopic, messages: [{ ...message, headers: { ...message.headers } }] });
          stage.count(name);
        }
        await stage.pause(1500);
      }
      for (let count = 0; count < replay.count(); count += 1) stage.count("replayed");
    } finally {
      await replay.stop();
      await producer.disconnect();
    }
  },
  check: async (after) => [...(await findUnparked(after)), ...(await findLag(after))],
};

const longestLatenessMs = { short: 1500, long: 5000 };

/** What duplicated and reordered packets would be if they were messages: a stream hides those. */
export const repeatMessages: Scenario = {
  setup: "kafka",
  id: "M1",
  title: "tickets doubled, tripled, late and out of order; requests doubled",
  shortMs: 6000,
  load: (random, form, minutes) => ({ ...ordinaryLoad("m1")(random, form, minutes), doublesRequests: true }),
  async fault(stage) {
    const { random, form } = stage;
    const late = (): number => random.below(longestLatenessMs[form]);
    const replay = await startReplay(kafkaOf(stage), {
      isTicket,
      latenessMs: () => (random.chance(0.5) ? [late()] : [late(), late()]),
    });
    await stage.pause(Number.MAX_SAFE_INTEGER);
    await replay.stop();
    for (let count = 0; count < replay.count(); count += 1) stage.count("ticket repeated");
  },
  check: findLag,
};

const quietTask: LedgerTask = { id: "root", parents: [], rule: "all_success", ending: "succeeds", seconds: 0.2 };

/** All tickets are read again from the first, then the topic is gone with all that are on their way. */
export const loseTopic: Scenario = {
  setup: "kafka",
  id: "A11",
  title: "offsets reset to the earliest, then the topic deleted",
  shortMs: 10_000,
  load: (_, form, minutes) => ({
    dags: [
      {
        id: "a11",
        tasks: [
          quietTask,
          ...Array.from({ length: 12 }, (__, place) => ({ ...quietTask, id: `m${place}`, parents: ["root"] })),
        ],
      },
    ],
    runs: form === "short" ? 6 : Math.round(30 * minutes),
  }),
  async fault(stage) {
    const { client } = kafkaOf(stage);
    const admin = client.admin();
    await admin.connect();
    try {
      while (!stage.over.aborted) {
        await stage.pause(2000);
        const workers = stage.cluster.of("worker");
        await Promise.all(workers.map((worker) => stage.cluster.murder(worker)));
        await resetOffsets(admin);
        await Promise.all(workers.map((worker) => worker.start()));
        stage.count("offsets reset");
        await stage.pause(2000);
        await admin.deleteTopics({ topics: [ticketTopic] });
        stage.count("topic deleted");
        await stage.pause(5000);
      }
    } finally {
      await admin.disconnect();
    }
  },
};

/** A group of killed members is refused until the broker has given them up. */
async function resetOffsets(admin: ReturnType<ChaosKafka["client"]["admin"]>): Promise<void> {
  const deadline = performance.now() + lagDeadlineMs;
  for (;;) {
    try {
      await admin.resetOffsets({ groupId: ticketGroup, topic: ticketTopic, earliest: true });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(pollMs);
    }
  }
}

const poisonValues: ReadonlySet<string> = new Set(
  Object.values(poison).map(({ value }) => value?.toString("hex") ?? ""),
);

function isTicket(valueHex: string): boolean {
  return !poisonValues.has(valueHex);
}

/** Each record that is no ticket is in `dead_letters`, by its place, once. */
async function findUnparked({ cluster, faults }: AfterFaults): Promise<readonly string[]> {
  const written = Object.keys(poison).reduce((sum, name) => sum + (faults[name] ?? 0), 0);
  const deadline = performance.now() + lagDeadlineMs;
  const text = `SELECT count(*)::int AS count, (count(*) - count(DISTINCT (partition_number, message_offset)))::int AS doubled
    FROM dead_letters WHERE topic = $1`;
  for (;;) {
    const row = await queryRow<{ count: number; doubled: number }>(cluster.databaseUrl, text, [ticketTopic]);
    if (row.count === written && row.doubled === 0) return [];
    if (performance.now() > deadline) return [`${written} bad records were written, ${row.count} are parked (G12)`];
    await delay(pollMs);
  }
}

async function findLag({ cluster }: AfterFaults): Promise<readonly string[]> {
  const deadline = performance.now() + lagDeadlineMs;
  for (;;) {
    const lag = (await cluster.kafka?.readLag()) ?? 0;
    if (lag === 0) return [];
    if (performance.now() > deadline)
      return [`${lag} tickets are not consumed ${lagDeadlineMs} ms after the healing (I7)`];
    await delay(pollMs);
  }
}

function kafkaOf({ cluster }: Stage): ChaosKafka {
  if (cluster.kafka === null) throw new Error("this scenario needs a cluster with Kafka");
  return cluster.kafka;
}
