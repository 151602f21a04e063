import { pino } from "pino";
import type { ArtifactStore, StoredFile } from "#ports/artifact-store.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import { type CheckPage, type ConsistencyCheckOptions, createConsistencyCheck } from "./consistency-check.ts";

/** Whatever is waited for is over at once. */
const hastyClock: Clock = {
  now: () => 0,
  after(_delayMs, call) {
    const timer = setImmediate(call);
    return { cancel: () => clearImmediate(timer) };
  },
  nextTurn: (call) => void setImmediate(call),
  afterCallbacks: (call) => process.nextTick(call),
  random: () => 0,
};

/** What a check needs beside its store. */
export const quick: Omit<ConsistencyCheckOptions, "store"> = {
  artifacts: null,
  clock: hastyClock,
  logger: pino({ level: "silent" }),
  patienceMs: 1,
  onRepaired: () => undefined,
};

/** At the network's edge: a store of which only the list is asked for, in the order that is given. */
export function createListedStore(files: readonly StoredFile[]): ArtifactStore {
  const never = (): Promise<never> => Promise.reject(new Error("nobody asks for a file"));
  const list = (after = ""): ReadableStream<StoredFile> =>
    ReadableStream.from(files.slice(files.findIndex(({ location }) => location === after) + 1));
  return { write: never, read: never, remove: never, list };
}

/** The whole check of a store, whose second look follows the first at once. */
export function createHastyCheck(
  store: Store,
  given: Partial<ConsistencyCheckOptions> = {},
): (repair: boolean) => Promise<CheckPage> {
  const check = createConsistencyCheck({ ...quick, store, ...given });
  const { signal } = new AbortController();
  return (repair) => check({ cursor: null, repair, files: "count", maxRuns: 100_000, signal });
}
