import type { Admin, Producer } from "kafkajs";
import type { CircuitBreaker } from "#breakers/circuit-breaker.ts";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { RecoveryWatch } from "#breakers/recovery-watch.ts";
import { AppError } from "#errors/app-error.ts";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import type { RawMessage } from "#ports/bus-message.ts";
import type { Bus, BusEvent, BusState, OutgoingTicket } from "#ports/bus.ts";
import type { TicketConsumer, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { TopicPlan, TopicReport } from "#ports/topic-plan.ts";
import { encodeEvent } from "../event-codec.ts";
import type { OutgoingMessage } from "../message.ts";
import { encodeRaw } from "../raw-message.ts";
import { StateHolder } from "../state-holder.ts";
import { encodeTicket } from "../ticket-codec.ts";
import { createTopicNames, type TopicNames } from "../topic-names.ts";
import { BrokerProbe } from "./broker-probe.ts";
import { createDeadline } from "./deadline.ts";
import { createKafkaClient } from "./kafka-client.ts";
import { createJoinBreaker } from "./join-breaker.ts";
import { KafkaConsumer } from "./kafka-consumer.ts";
import { toBusError } from "./kafka-errors.ts";
import type { KafkaBusOptions } from "./kafka-options.ts";
import { openProducer, sendMessages } from "./kafka-producer.ts";
import { countTopicPartitions, ensureKafkaTopics } from "./kafka-topics.ts";
import { createPublishBreaker } from "./publish-breaker.ts";
import { RenewedClient } from "./renewed-client.ts";
import { TopicSender } from "./topic-sender.ts";

/** The longest that closing waits for the broker. */
const closeDeadlineMs = 800;
/** So many request timeouts may pass before a producer or admin is given up. */
const requestsPerUse = 2;

/** The bus over Kafka. It opens at once, without a broker too, and connects as soon as there is one. */
export class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions;
  readonly #names: TopicNames;
  readonly #producer: RenewedClient<Producer>;
  readonly #admin: RenewedClient<Admin>;
  readonly #holder: StateHolder;
  readonly #probe: BrokerProbe;
  readonly #publishing: CircuitBreaker;
  readonly #joining: CircuitBreaker;
  readonly #recovery: RecoveryWatch;
  readonly #senders = new Map<string, TopicSender>();
  readonly #consumers = new Set<KafkaConsumer>();
  #closing: Promise<void> | null = null;

  constructor(options: KafkaBusOptions) {
    this.#options = options;
    const { clock, logger, timing, topicPrefix } = options;
    this.#names = createTopicNames(topicPrefix);
    const shared = {
      create: () => createKafkaClient(options),
      clock,
      limitMs: requestsPerUse * timing.requestTimeoutMs,
    };
    this.#producer = new RenewedClient({ ...shared, open: openProducer });
    this.#admin = new RenewedClient({ ...shared, open: (kafka) => kafka.admin() });
    this.#holder = new StateHolder(clock, logger);
    this.#publishing = createPublishBreaker(options);
    this.#joining = createJoinBreaker(options);
    this.#recovery = new RecoveryWatch({
      breakers: [this.#publishing, this.#joining],
      look: async () => this.#holder.state.kind === "connected",
      longestPauseMs: (options.breaker ?? defaultPolicies.kafka).openMs,
      clock,
    });
    this.#probe = new BrokerProbe({
      ask: () => this.#admin.use(async (admin) => void (await admin.describeCluster())),
      intervalMs: timing.probeIntervalMs,
      clock,
      holder: this.#holder,
    });
  }

  get state(): BusState {
    return this.#holder.state;
  }

  get breakers(): readonly BreakerStatus[] {
    return [this.#publishing.status, this.#joining.status];
  }

  onState(listener: (state: BusState) => void): () => void {
    return this.#holder.listen(listener);
  }

  async publishTickets(tickets: readonly OutgoingTicket[]): Promise<void> {
    const byQueue = Map.groupBy(tickets, ({ queue }) => queue);
    const encoded = [...byQueue].map(([queue, outgoing]) => ({
      topic: this.#names.ticketsOf(queue),
      messages: outgoing.map(({ ticket, partition }) => encodeTicket(ticket, partition)),
    }));
    await Promise.all(encoded.map(({ topic, messages }) => this.#publish(topic, messages)));
  }

  async publishEvents(events: readonly BusEvent[]): Promise<void> {
    await this.#publish(this.#names.events, events.map(encodeEvent));
  }

  async publishRaw(message: RawMessage): Promise<void> {
    const encoded = encodeRaw(message, this.#names);
    await this.#publish(message.topic, [encoded]);
  }

  consumeTickets(subscription: TicketSubscription): TicketConsumer {
    this.#checkOpen();
    const consumer = new KafkaConsumer({
      kafka: this.#options,
      names: this.#names,
      joining: this.#joining,
      subscription,
      onTrouble: () => this.#probe.hurry(),
      onClosed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  async countPartitions(queue: string): Promise<number> {
    const topic = this.#names.ticketsOf(queue);
    return this.#ask(`topic ${topic} can't be looked up`, (admin) => countTopicPartitions(admin, topic));
  }

  async ensureTopics(plan: TopicPlan): Promise<TopicReport> {
    const shared = { names: this.#names, plan, clock: this.#options.clock };
    return this.#ask("the topics can't be checked", (admin) => ensureKafkaTopics({ ...shared, admin }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#probe.end();
    this.#recovery.close();
    for (const sender of this.#senders.values()) sender.close();
    const deadline = createDeadline(this.#options.clock, closeDeadlineMs);
    await Promise.all([
      ...[...this.#consumers].map((consumer) => consumer.close()),
      this.#producer.close(deadline.passed),
      this.#admin.close(deadline.passed),
    ]);
    deadline.cancel();
  }

  async #ask<R>(what: string, call: (admin: Admin) => Promise<R>): Promise<R> {
    try {
      return await this.#admin.use(call);
    } catch (thrown) {
      this.#probe.hurry();
      throw toBusError(what, thrown);
    }
  }

  async #publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const sender = this.#senderOf(topic);
    if (messages.length > 0) await this.#publishing.run(() => sender.publish(messages));
  }

  #senderOf(topic: string): TopicSender {
    this.#checkOpen();
    const existing = this.#senders.get(topic);
    if (existing !== undefined) return existing;
    const sender = new TopicSender({
      topic,
      send: (messages) => sendMessages({ producer: this.#producer, admin: this.#admin, topic, messages }),
      deadlineMs: this.#options.timing.publishDeadlineMs,
      clock: this.#options.clock,
      onFailure: () => this.#probe.hurry(),
    });
    this.#senders.set(topic, sender);
    return sender;
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new AppError("BUS_UNAVAILABLE", "this bus is closed: connect another");
  }
}
