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
const maxEventsPerBatch = 500;

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
 * lease after each batch, so a batch may come twice and none is left out; while the broker is away events wait in the log.
 */
export class EventPublisher {
  readonly #options: EventPublisherOptions;
  readonly #loop: PacedLoop;
  #epoch: number | null = null;
  #renewAt = Number.NEGATIVE_INFINITY;
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
      store.wake.listen("events", () => this.#loop.pokeIn(0)),
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
    // Where that fails the lease runs out by itself.
    if (this.#epoch !== null) await store.leases.release({ name: leaseName, holder }).catch(() => undefined);
  }

  /** Publishes what has come since; answers when to look again. */
  async #round(): Promise<number> {
    const { store, bus, clock } = this.#options;
    if (clock.now() >= this.#renewAt) await this.#renew();
    if (this.#epoch === null) return Math.max(0, this.#renewAt - clock.now());
    const epoch = this.#epoch;
    const counter = await store.leases.readCounter({ name: leaseName, epoch });
    if (counter === null) return this.#lose();
    const events = await store.events.readAfter({ afterId: counter, limit: maxEventsPerBatch, filter: {} });
    const last = events.at(-1);
    if (last === undefined) return Math.max(0, this.#renewAt - clock.now());
    await this.#publish(events, bus);
    const isKept = await store.leases.writeCounter({ name: leaseName, epoch, counter: last.id });
    if (!isKept) return this.#lose();
    return events.length === maxEventsPerBatch ? 0 : Math.max(0, this.#renewAt - clock.now());
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
    const lease = await store.leases.acquire({ name: leaseName, holder, ttlMs: leaseMs });
    this.#epoch = lease?.epoch ?? null;
    this.#renewAt = clock.now() + renewEveryMs;
  }

  #lose(): number {
    this.#epoch = null;
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
