import kafkajs, { type Admin, type ITopicConfig } from "kafkajs";
import { AppError, describeError } from "#errors/app-error.ts";
import type { TopicDifference, TopicPlan, TopicReport } from "#ports/topic-plan.ts";
import type { Clock } from "#ports/clock.ts";
import type { TopicNames } from "../topic-names.ts";
import { createDeadline } from "./deadline.ts";
import { protocolTypeOf } from "./kafka-errors.ts";

/** With so many copies one may be away without a publish failing, and an acknowledged message has at least two. */
const copiesForTwoInSync = 3;

/** Refusals that stay until someone changes a setting or a right. */
const settingErrors: ReadonlySet<string> = new Set([
  "INVALID_REPLICATION_FACTOR",
  "INVALID_PARTITIONS",
  "INVALID_CONFIG",
  "INVALID_TOPIC_EXCEPTION",
  "POLICY_VIOLATION",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
]);

const passingErrors: ReadonlySet<string> = new Set(["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"]);
/** Asks the brokers for their own `default.replication.factor`. */
const brokersDefault = -1;
const leaderLimitMs = 5000;
const leaderPollMs = 50;

interface WantedTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number | null;
  readonly settings: Readonly<Record<string, string>>;
}

/** Creates what is missing; of what exists it tells each setting that is not as wanted, more partitions excepted. */
export async function ensureKafkaTopics(options: {
  admin: Admin;
  names: TopicNames;
  plan: TopicPlan;
  clock: Clock;
}): Promise<TopicReport> {
  const { admin, names, plan, clock } = options;
  const wanted = wantedTopics(names, plan);
  const existing = new Set(await admin.listTopics());
  const missing = wanted.filter(({ topic }) => !existing.has(topic));
  const created: string[] = [];
  // One by one, so that one that another process creates at this moment does not hide what became of the rest.
  for (const one of missing) if (await createTopic(admin, one)) created.push(one.topic);
  if (missing.length > 0) await waitForLeaders(admin, missing, clock);
  const others = wanted.filter(({ topic }) => !created.includes(topic));
  return { created, differences: others.length === 0 ? [] : await findDifferences(admin, others) };
}

export async function countTopicPartitions(admin: Admin, topic: string): Promise<number> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
  } catch (thrown) {
    if (protocolTypeOf(thrown) === "UNKNOWN_TOPIC_OR_PARTITION") return 0;
    throw thrown;
  }
}

function wantedTopics(names: TopicNames, plan: TopicPlan): readonly WantedTopic[] {
  const { replication, ticketRetentionMs, eventRetentionMs } = plan;
  const settingsFor = (retentionMs: number): Readonly<Record<string, string>> => ({
    "retention.ms": String(retentionMs),
    "cleanup.policy": "delete",
    // The broker unpacks what other programs send compressed: a codec that a consumer lacks would hold up its partition.
    "compression.type": "uncompressed",
    ...(replication === null ? {} : { "min.insync.replicas": replication >= copiesForTwoInSync ? "2" : "1" }),
  });
  const tickets = plan.queues.map((queue) => ({
    topic: names.ticketsOf(queue),
    partitions: plan.partitions,
    replication,
    settings: settingsFor(ticketRetentionMs),
  }));
  const events = {
    topic: names.events,
    partitions: plan.eventPartitions,
    replication,
    settings: settingsFor(eventRetentionMs),
  };
  return [...tickets, events];
}

/** False: another process was faster. */
async function createTopic(admin: Admin, { topic, partitions, replication, settings }: WantedTopic): Promise<boolean> {
  const config: ITopicConfig = {
    topic,
    numPartitions: partitions,
    replicationFactor: replication ?? brokersDefault,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  };
  try {
    return await admin.createTopics({ topics: [config], waitForLeaders: false });
  } catch (thrown) {
    const refusal = refusalOf(thrown);
    const type = protocolTypeOf(refusal);
    if (type === null || !settingErrors.has(type)) throw refusal;
    throw new AppError(
      "INVALID_CONFIG",
      `Kafka refuses to create topic ${topic} with ${partitions} partitions and replication ${replication ?? "of its own"} (${type}: ` +
        `${describeError(refusal)}): correct the setting, or create the topic by hand`,
      { cause: thrown },
    );
  }
}

/** A topic that was just created is unknown to some brokers, and then without a leader, for a moment; kafkajs can't wait for it. */
async function waitForLeaders(admin: Admin, wanted: readonly WantedTopic[], clock: Clock): Promise<void> {
  const deadline = clock.now() + leaderLimitMs;
  for (;;) {
    try {
      await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) });
      return;
    } catch (thrown) {
      if (!passingErrors.has(protocolTypeOf(thrown) ?? "") || clock.now() > deadline) throw thrown;
    }
    await createDeadline(clock, leaderPollMs).passed;
  }
}

/** kafkajs gathers the refusals of one request. */
function refusalOf(thrown: unknown): unknown {
  const hasErrors = thrown instanceof Error && "errors" in thrown && Array.isArray(thrown.errors);
  return hasErrors ? ((thrown.errors as readonly unknown[])[0] ?? thrown) : thrown;
}

async function findDifferences(admin: Admin, wanted: readonly WantedTopic[]): Promise<readonly TopicDifference[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: wanted.map(({ topic, settings }) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: topic,
      configNames: Object.keys(settings),
    })),
  });
  return wanted.flatMap(({ topic, partitions, replication, settings }) => {
    const found = topics.find(({ name }) => name === topic)?.partitions ?? [];
    const copies = Math.min(...found.map(({ replicas }) => replicas.length));
    const entries = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    const valueOf = (name: string): string => entries.find(({ configName }) => configName === name)?.configValue ?? "";
    return [
      ...(found.length < partitions ? [difference(topic, "partitions", partitions, found.length)] : []),
      ...(replication !== null && copies < replication ? [difference(topic, "replication", replication, copies)] : []),
      ...Object.entries(settings)
        .filter(([name, value]) => valueOf(name) !== value)
        .map(([name, value]) => difference(topic, name, value, valueOf(name))),
    ];
  });
}

function difference(topic: string, setting: string, wanted: string | number, found: string | number): TopicDifference {
  return { topic, setting, wanted: String(wanted), found: String(found) };
}
