import { AppError } from "#errors/app-error.ts";
import type { Bus, BusEvent } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { PublishedEvent } from "#ports/event-log.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { PacedLoop } from "../upkeep/paced-loop.ts";

const leaseName = "event_topic";
const leaseMs = 8000;
const renewEveryMs = leaseMs / 4;
/** Rows, documents and requests of a batch lie in memory together; and kafkajs copies its list once for each message of it. */
const maxEventsPerBatch = 250;
/** Under load events are published in batches: the first at once, the next this much later. */
const batchPauseMs = 50;

export interface EventPublisherOptions {
  readonly store: Pick<Store, "events" | "leases" | "wake">;
  readonly bus: Pick<Bus, "publishEvents" | "onState">;
  /** Of this start of this process. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Copies the event log to the events' topic, in its order, one executor at a time. How far it has come is kept with the
 * lease whenever that is renewed: after a crash what came since comes twice, and nothing is left out. While the broker is away
 * events wait in the log.
 */
export class EventPublisher {
  readonly #options: EventPublisherOptions;
  readonly #loop: PacedLoop;
  #epoch: number | null = null;
  #renewAt = Number.NEGATIVE_INFINITY;
  #lastBatchAt = Number.NEGATIVE_INFINITY;
  /** Id of the last event that was published; null: not read yet. */
  #published: number | null = null;
  /** What of it is kept with the lease. */
  #kept: number | null = null;
  #endings: readonly (() => void)[] = [];

  constructor(options: EventPublisherOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#loop = new PacedLoop({
      name: "event topic",
      intervalMs: renewEveryMs,
      clock,
      logger,
      round: () => this.#round(),
    });
  }

  start(): void {
    const { store, bus } = this.#options;
    this.#endings = [
      store.wake.listen("events", () => this.#loop.pokeIn(this.#pauseMs)),
      bus.onState((state) => {
        if (state.kind === "connected") this.#loop.pokeIn(0);
      }),
    ];
    this.#loop.start();
  }

  async stop(): Promise<void> {
    for (const end of this.#endings) end();
    await this.#loop.stop();
    const { store, holder } = this.#options;
    if (this.#epoch === null) return;
    // Where that fails some events come twice, and the lease runs out by itself.
    await this.#keep(this.#epoch).catch(() => undefined);
    await store.leases.release({ name: leaseName, holder }).catch(() => undefined);
  }

  get #pauseMs(): number {
    return Math.max(0, this.#lastBatchAt + batchPauseMs - this.#options.clock.now());
  }

  /** Publishes what has come since; answers when to look again. */
  async #round(): Promise<number> {
    const { store, bus, clock } = this.#options;
    if (clock.now() >= this.#renewAt) await this.#renew();
    if (this.#epoch === null) return Math.max(0, this.#renewAt - clock.now());
    if (this.#published === null) {
      this.#kept = await store.leases.readCounter({ name: leaseName, epoch: this.#epoch });
      this.#published = this.#kept;
    }
    if (this.#published === null) return this.#lose();
    const events = await store.events.readAfter({ afterId: this.#published, limit: maxEventsPerBatch, filter: {} });
    const last = events.at(-1);
    if (last !== undefined) {
      await this.#publish(events, bus);
      this.#published = last.id;
      this.#lastBatchAt = clock.now();
    }
    return events.length === maxEventsPerBatch ? 0 : Math.max(0, this.#renewAt - clock.now());
  }

  /** Answers whether this epoch still leads. */
  async #keep(epoch: number): Promise<boolean> {
    if (this.#published === null || this.#published === this.#kept) return true;
    const counter = this.#published;
    const isKept = await this.#options.store.leases.writeCounter({ name: leaseName, epoch, counter });
    if (isKept) this.#kept = counter;
    return isKept;
  }

  /** One that is too large goes without its data: whoever wants them asks the API. */
  async #publish(events: readonly PublishedEvent[], bus: Pick<Bus, "publishEvents">): Promise<void> {
    const messages = events.map(toBusEvent);
    try {
      await bus.publishEvents(messages);
    } catch (thrown) {
      const error = AppError.from(thrown);
      const id = error.details["event_id"];
      if (error.code !== "BODY_TOO_LARGE" || typeof id !== "string") throw thrown;
      this.#options.logger.warn({ event_id: id }, "an event is too large for its topic and goes without its data");
      const rest = events.map((event) =>
        String(event.id) === id ? { ...event, data: { data_left_out: true } } : event,
      );
      await this.#publish(rest, bus);
    }
  }

  async #renew(): Promise<void> {
    const { store, holder, clock } = this.#options;
    const before = this.#epoch;
    if (before !== null && !(await this.#keep(before))) this.#lose();
    const lease = await store.leases.acquire({ name: leaseName, holder, ttlMs: leaseMs });
    // Another may have led meanwhile, and come further.
    if (lease?.epoch !== before) this.#published = null;
    this.#epoch = lease?.epoch ?? null;
    this.#renewAt = clock.now() + renewEveryMs;
  }

  #lose(): number {
    this.#epoch = null;
    this.#published = null;
    this.#renewAt = Number.NEGATIVE_INFINITY;
    return 0;
  }
}

/** An event of the log in the words of the topic; events of one run keep their order by their key. */
function toBusEvent(event: PublishedEvent): BusEvent {
  const { id, eventType, resourceType, resourceId, dagId, dagRunId, at, data, correlationId } = event;
  return {
    id: String(id),
    source: "/millrace",
    type: `millrace.${eventType}`,
    subject: resourceId,
    time: new Date(at).toISOString(),
    data: {
      ...data,
      resource_type: resourceType,
      ...(dagId === null ? {} : { dag_id: dagId }),
      ...(dagRunId === null ? {} : { dag_run_id: dagRunId }),
      ...(correlationId === null ? {} : { correlation_id: correlationId }),
    },
    key: dagRunId ?? resourceId,
  };
}
