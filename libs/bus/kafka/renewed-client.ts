import { AppError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import { createDeadline } from "./deadline.ts";
import type { KafkaClient } from "./kafka-client.ts";
import { protocolTypeOf } from "./kafka-errors.ts";

/** A client that failed so often in a row is thrown away: kafkajs can hold on to brokers that no longer exist. */
const failuresBeforeRenewal = 3;

interface Connectable {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface Held<T> {
  readonly client: T;
  readonly destroy: () => void;
  connected: Promise<void> | null;
  failures: number;
}

/**
 * A producer or admin that connects when it is first used, and is made anew when it keeps failing or does not come back
 * within the limit of one use: kafkajs tries again inside, with a broker that is frozen for a minute and more.
 */
export class RenewedClient<T extends Connectable> {
  readonly #create: () => KafkaClient;
  readonly #open: (kafka: KafkaClient["kafka"]) => T;
  readonly #clock: Clock;
  readonly #limitMs: number;
  #held: Held<T> | null = null;
  #isClosed = false;

  constructor(options: {
    create: () => KafkaClient;
    open: (kafka: KafkaClient["kafka"]) => T;
    clock: Clock;
    limitMs: number;
  }) {
    this.#create = options.create;
    this.#open = options.open;
    this.#clock = options.clock;
    this.#limitMs = options.limitMs;
  }

  /** One try; the caller repeats. */
  async use<R>(call: (client: T) => Promise<R>): Promise<R> {
    if (this.#isClosed) throw new AppError("BUS_UNAVAILABLE", "this bus is closed: connect another");
    const held = (this.#held ??= this.#make());
    const limit = createDeadline(this.#clock, this.#limitMs);
    const overrun = limit.passed.then(() => {
      this.#discard(held);
      throw new Error(`no answer within ${this.#limitMs} ms`);
    });
    try {
      const result = await Promise.race([connectAndCall(held, call), overrun]);
      held.failures = 0;
      return result;
    } catch (thrown) {
      // An answer of the broker, even a refusal, shows that the connection works.
      if (protocolTypeOf(thrown) === null) held.failures += 1;
      if (held.failures >= failuresBeforeRenewal) this.#discard(held);
      throw thrown;
    } finally {
      limit.cancel();
    }
  }

  /** Waits until it is disconnected or the time is over, then cuts. */
  async close(deadline: Promise<void>): Promise<void> {
    this.#isClosed = true;
    const held = this.#held;
    if (held === null) return;
    await Promise.race([held.client.disconnect().catch(() => undefined), deadline]);
    held.destroy();
  }

  #make(): Held<T> {
    const made = this.#create();
    return { client: this.#open(made.kafka), destroy: () => made.destroy(), connected: null, failures: 0 };
  }

  #discard(held: Held<T>): void {
    if (this.#held === held) this.#held = null;
    held.destroy();
  }
}

async function connectAndCall<T extends Connectable, R>(held: Held<T>, call: (client: T) => Promise<R>): Promise<R> {
  held.connected ??= held.client.connect();
  try {
    await held.connected;
  } catch (thrown) {
    held.connected = null;
    throw thrown;
  }
  return call(held.client);
}
