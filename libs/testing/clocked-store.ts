import type { Plan } from "#core/plan.ts";
import type { Store } from "#ports/store.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";

/** A memory store by the clock of this machine. */
export function createRunningStore(toPlan: (definition: unknown) => Plan): Store {
  return createMemoryStore({ toPlan });
}

/** A memory store whose clock stands still until the test moves it, by milliseconds. */
export function createClockedStore(toPlan: (definition: unknown) => Plan): {
  store: Store;
  advance: (ms: number) => void;
} {
  let now = 1_000_000;
  const store = createMemoryStore({ toPlan, clock: () => now });
  return {
    store,
    advance: (ms) => {
      now += ms;
    },
  };
}
