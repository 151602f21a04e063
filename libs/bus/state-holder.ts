import type { BusState } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

/** Holds the state of a bus, tells listeners, and logs each change once. */
export class StateHolder {
  readonly #clock: Pick<Clock, "now">;
  readonly #logger: Logger;
  readonly #listeners = new Set<(state: BusState) => void>();
  #state: BusState;

  constructor(clock: Pick<Clock, "now">, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#state = { kind: "connecting", since: clock.now() };
  }

  get state(): BusState {
    return this.#state;
  }

  listen(listener: (state: BusState) => void): () => void {
    // A function of its own, so that one listener may listen twice and end each by itself.
    const entry = (state: BusState): void => listener(state);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  connected(): void {
    if (this.#state.kind === "connected") return;
    this.#logger.info("the bus is connected");
    this.#set({ kind: "connected", since: this.#clock.now() });
  }

  /** `since` stays that of the first failure; another cause is told to listeners and is no news for the log. */
  down(cause: string): void {
    const before = this.#state;
    if (before.kind === "down" && before.cause === cause) return;
    if (before.kind !== "down") this.#logger.warn({ cause }, "the bus is down, trying again");
    this.#set({ kind: "down", since: before.kind === "down" ? before.since : this.#clock.now(), cause });
  }

  #set(state: BusState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
