import type { Bus } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { TopicPlan } from "#ports/topic-plan.ts";
import type { ComponentStatus } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { EventPublisher } from "./event-publisher.ts";
import { TopicKeeper } from "./topic-keeper.ts";

export interface BusFeedOptions {
  readonly bus: Bus;
  readonly plan: Omit<TopicPlan, "queues">;
  readonly store: Store;
  /** Of this start of this process. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What an executor does for its bus beside tickets: its topics, and the public events. */
export class BusFeed {
  readonly #bus: Bus;
  readonly #topics: TopicKeeper;
  readonly #events: EventPublisher;

  constructor(options: BusFeedOptions) {
    this.#bus = options.bus;
    this.#topics = new TopicKeeper(options);
    this.#events = new EventPublisher(options);
  }

  get health(): ComponentStatus {
    const { state } = this.#bus;
    if (this.#topics.refusal !== null) return { status: "degraded", detail: this.#topics.refusal };
    if (state.kind === "connected") return { status: "healthy", detail: "" };
    const cause = state.kind === "down" ? `Kafka down (${state.cause})` : "Kafka has not answered yet";
    return { status: "degraded", detail: `${cause}: attempts go over the worker sessions, events wait` };
  }

  start(): void {
    this.#topics.start();
    this.#events.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#topics.stop(), this.#events.stop()]);
  }

  takesQueues(queues: readonly string[]): void {
    this.#topics.add(queues);
  }
}
