import { failpoint } from "#failpoints/failpoint.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { ReadyOffset } from "../partition-intake.ts";

/** After a commit that failed; while the group is formed anew commits are refused. */
const retryPauseMs = 300;

export interface CommittableOffset {
  readonly partition: number;
  readonly ready: ReadyOffset;
}

/** Commits one at a time; what becomes ready meanwhile goes with the next. A commit that fails is made again. */
export class OffsetCommitter {
  readonly #list: () => readonly CommittableOffset[];
  readonly #commit: (offsets: readonly CommittableOffset[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #onCommitted: () => void;
  readonly #onFailure: (thrown: unknown) => void;
  #running: Promise<void> | null = null;
  #retry: Timer | null = null;
  #isEnded = false;

  constructor(options: {
    list: () => readonly CommittableOffset[];
    commit: (offsets: readonly CommittableOffset[]) => Promise<void>;
    clock: Clock;
    onCommitted: () => void;
    onFailure: (thrown: unknown) => void;
  }) {
    this.#list = options.list;
    this.#commit = options.commit;
    this.#clock = options.clock;
    this.#onCommitted = options.onCommitted;
    this.#onFailure = options.onFailure;
  }

  /** Something may be ready. What is ready by the end of this turn is one commit. */
  wake(): void {
    if (this.#running !== null || this.#retry !== null || this.#isEnded) return;
    this.#running = new Promise<void>((resolve) => this.#clock.nextTurn(() => resolve())).then(() => this.#run());
  }

  /** Commits what is ready now; resolves also when that fails. */
  async flush(): Promise<void> {
    this.#cancelRetry();
    await this.#running;
    this.#cancelRetry();
    await this.#run();
  }

  end(): void {
    this.#isEnded = true;
    this.#cancelRetry();
  }

  async #run(): Promise<void> {
    for (let offsets = this.#list(); offsets.length > 0 && !this.#isEnded; offsets = this.#list()) {
      try {
        failpoint("offset_commit.before");
        await this.#commit(offsets);
        failpoint("offset_commit.after");
      } catch (thrown) {
        this.#onFailure(thrown);
        this.#scheduleRetry();
        break;
      }
      for (const { ready } of offsets) ready.settle();
      this.#onCommitted();
    }
    this.#running = null;
  }

  #scheduleRetry(): void {
    if (this.#isEnded) return;
    this.#retry = this.#clock.after(retryPauseMs, () => {
      this.#retry = null;
      this.wake();
    });
  }

  #cancelRetry(): void {
    this.#retry?.cancel();
    this.#retry = null;
  }
}
