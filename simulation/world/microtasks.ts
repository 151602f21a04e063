import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";

setFlagsFromString("--allow-natives-syntax");

/**
 * Runs all promise callbacks that wait, at once; to be called from `outsideMicrotasks` alone. V8 offers this to embedders
 * and, by this syntax, to its tests. The other way, a turn of Node's loop for each event, takes ten times as long
 * (1.2 µs against 0.12) and was a third of a seed's time.
 */
export const runMicrotasks = runInThisContext("() => %PerformMicrotaskCheckpoint()") as () => void;

/** Calls from the bare loop, where no promise callback is under way. */
export function outsideMicrotasks<T>(call: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(call());
      } catch (error) {
        reject(error);
      }
    });
  });
}
