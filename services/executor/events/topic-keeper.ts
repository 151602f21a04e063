import { AppError, describeError } from "#errors/app-error.ts";
import type { Bus } from "#ports/bus.ts";
import type { TopicPlan } from "#ports/topic-plan.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import { PacedLoop } from "../upkeep/paced-loop.ts";

/** A topic may be deleted by hand. Shorter than a publish waits for its topic, so that tickets are late and not refused. */
const lookAgainMs = 10_000;

export interface TopicKeeperOptions {
  readonly bus: Pick<Bus, "ensureTopics" | "onState">;
  readonly plan: Omit<TopicPlan, "queues">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Sees to it that the topics of events and of every queue that a worker takes exist as planned, as soon as there is a
 * broker. What differs on a topic that exists is told and left alone.
 */
export class TopicKeeper {
  readonly #options: TopicKeeperOptions;
  readonly #queues = new Set<string>(["default"]);
  readonly #loop: PacedLoop;
  readonly #told = new Set<string>();
  #refusal: string | null = null;
  #stopListening: () => void = () => undefined;

  constructor(options: TopicKeeperOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#loop = new PacedLoop({
      name: "topics",
      intervalMs: lookAgainMs,
      clock,
      logger,
      round: () => this.#round(),
    });
  }

  /** What a broker refuses and somebody has to set right; null: nothing. */
  get refusal(): string | null {
    return this.#refusal;
  }

  start(): void {
    this.#stopListening = this.#options.bus.onState((state) => {
      if (state.kind === "connected") this.#loop.pokeIn(0);
    });
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await this.#loop.stop();
  }

  /** A worker takes these. */
  add(queues: readonly string[]): void {
    const before = this.#queues.size;
    for (const queue of queues) this.#queues.add(queue);
    if (this.#queues.size > before) this.#loop.pokeIn(0);
  }

  async #round(): Promise<null> {
    const { bus, plan, logger } = this.#options;
    try {
      const { created, differences } = await bus.ensureTopics({ ...plan, queues: [...this.#queues] });
      this.#refusal = null;
      if (created.length > 0) logger.info({ topics: created }, "topics were created");
      for (const difference of differences) {
        const line = JSON.stringify(difference);
        if (!this.#told.has(line)) logger.warn(difference, "a topic is not as planned; alter it by hand if it matters");
        this.#told.add(line);
      }
    } catch (thrown) {
      if (AppError.from(thrown).code === "INVALID_CONFIG") this.#refusal = describeError(thrown);
      throw thrown;
    }
    return null;
  }
}
