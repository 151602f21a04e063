import type { Clock } from "#ports/clock.ts";

interface Waiting<T, R> {
  readonly item: T;
  readonly settle: (result: R) => void;
  readonly fail: (error: unknown) => void;
}

/** Gathers items of one turn of the loop and writes them together, one batch at a time. */
export class TurnBatcher<T, R> {
  readonly #clock: Clock;
  readonly #write: (items: readonly T[]) => Promise<readonly R[]>;
  readonly #maxItems: number;
  #waiting: Waiting<T, R>[] = [];
  #isBusy = false;

  /** `write` answers one result per item, in order. */
  constructor(clock: Clock, write: (items: readonly T[]) => Promise<readonly R[]>, maxItems: number) {
    this.#clock = clock;
    this.#write = write;
    this.#maxItems = maxItems;
  }

  submit(item: T): Promise<R> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ item, settle, fail });
      if (this.#isBusy) return;
      this.#isBusy = true;
      this.#clock.nextTurn(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#maxItems);
      try {
        const results = await this.#write(batch.map(({ item }) => item));
        batch.forEach(({ settle, fail }, place) => {
          const result = results[place];
          if (result === undefined) fail(new Error("the batch has no result for an item"));
          else settle(result);
        });
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    this.#isBusy = false;
  }
}
