import type { CircuitBreaker } from "#breakers/circuit-breaker.ts";
import { describeError } from "#errors/app-error.ts";
import { rootOf } from "./kafka-errors.ts";
import { MemberSession, type SessionOptions } from "./member-session.ts";

const firstPauseMs = 100;
const longestPauseMs = 5000;

/** A consumer's place in the group of one queue: whenever a session ends another begins, for ever, until it is closed. */
export class QueueMember {
  readonly #options: SessionOptions;
  readonly #joining: CircuitBreaker;
  readonly #onTrouble: () => void;
  readonly #closed = Promise.withResolvers<void>();
  #session: MemberSession | null = null;
  #isClosing = false;
  #wakeUp: (() => void) | null = null;

  constructor(options: SessionOptions, around: { joining: CircuitBreaker; onTrouble: () => void }) {
    this.#options = options;
    this.#joining = around.joining;
    this.#onTrouble = around.onTrouble;
    void this.#run();
  }

  get queue(): string {
    return this.#options.queue;
  }

  get owned(): readonly number[] {
    return this.#session?.owned ?? [];
  }

  adjustFlow(): void {
    this.#session?.adjustFlow();
  }

  async close(deadline: Promise<void>): Promise<void> {
    this.#isClosing = true;
    this.#closed.resolve();
    const session = this.#session;
    this.#session = null;
    this.#wakeUp?.();
    await session?.close(deadline);
  }

  async #run(): Promise<void> {
    let pauseMs = firstPauseMs;
    let isNews = true;
    while (!this.#isClosing) {
      const cause = await this.#stay().catch((thrown: unknown) => thrown);
      if (this.#isClosing) return;
      const session = this.#session;
      this.#session = null;
      const hadJoined = session?.hasJoined === true;
      session?.destroy();
      if (hadJoined) {
        pauseMs = firstPauseMs;
        isNews = true;
        this.#options.onOwnedChanged();
      }
      this.#tell(cause, isNews);
      isNews = false;
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  /** One membership, unless no broker lets anyone join; rejects with what ended it, and resolves when this is closed. */
  async #stay(): Promise<void> {
    const { ended } = await this.#joining.run(() => this.#join());
    await Promise.race([ended, this.#closed.promise]);
  }

  async #join(): Promise<{ readonly ended: Promise<never> }> {
    // The breaker may have held this call until after the close: nobody would end a session that begins now.
    if (this.#isClosing) return { ended: new Promise<never>(() => {}) };
    const session = new MemberSession(this.#options);
    this.#session = session;
    const ended = session.run();
    await Promise.race([session.joined, ended, this.#closed.promise]);
    return { ended };
  }

  #tell(cause: unknown, isNews: boolean): void {
    const { queue, kafka } = this.#options;
    const fields = { queue, error: describeError(rootOf(cause)) };
    const level = isNews ? "warn" : "debug";
    kafka.logger[level](fields, "the consumer of a queue is not in its group, trying to join");
    this.#onTrouble();
  }

  #pause(pauseMs: number): Promise<void> {
    const { clock } = this.#options.kafka;
    return new Promise((resolve) => {
      const timer = clock.after(pauseMs * (0.5 + clock.random() / 2), () => this.#wakeUp?.());
      this.#wakeUp = () => {
        timer.cancel();
        this.#wakeUp = null;
        resolve();
      };
    });
  }
}
