import { isTerminal, type TaskState } from "#core/states.ts";

/** How far a fan-out is. */
export interface ItemCounts {
  readonly total: number;
  readonly ended: number;
  readonly failed: number;
}

/** The items of one fan-out by key, as their events tell them. */
export class ItemProgress {
  readonly #total: number;
  readonly #states = new Map<string, TaskState>();
  readonly #errors = new Map<string, string>();
  #ended = 0;
  #failed = 0;

  constructor(total: number) {
    this.#total = total;
  }

  apply(key: string, state: TaskState, error: string | null): void {
    this.#count(this.#states.get(key), -1);
    this.#count(state, 1);
    this.#states.set(key, state);
    if (state !== "failed") this.#errors.delete(key);
    else if (error !== null) this.#errors.set(key, error);
  }

  get counts(): ItemCounts {
    return { total: this.#total, ended: this.#ended, failed: this.#failed };
  }

  /** Of the first item that failed, with its key; null where none did. */
  get firstError(): string | null {
    const [first] = this.#errors;
    return first === undefined ? null : `[${first[0]}] ${first[1]}`;
  }

  #count(state: TaskState | undefined, by: number): void {
    if (state !== undefined && isTerminal(state)) this.#ended += by;
    if (state === "failed") this.#failed += by;
  }
}
