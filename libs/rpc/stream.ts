import { Code, ConnectError } from "@connectrpc/connect";

export interface StreamObserver<E extends Error> {
  readonly mapError: (thrown: unknown) => E;
  /** Called once: with the mapped error or, at the end or when the reader leaves, without. */
  readonly onEnd: (error: E | undefined) => void;
  /** When it aborts the source is told to return: in process nobody else tells a handler that waits at its `yield`. */
  readonly signal?: AbortSignal;
}

/** The stream with its errors mapped. Plain iterators instead of generators: a session passes here, message by message. */
export function observeStream<T, E extends Error>(
  source: AsyncIterable<T>,
  observer: StreamObserver<E>,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      const leave = () => {
        end(undefined);
        inner.return?.().catch(() => undefined);
      };
      let ended = false;
      const end = (error: E | undefined) => {
        if (ended) return;
        ended = true;
        observer.signal?.removeEventListener("abort", leave);
        observer.onEnd(error);
      };
      observer.signal?.addEventListener("abort", leave, { once: true });
      const fail = (thrown: unknown): never => {
        const error = observer.mapError(thrown);
        end(error);
        throw error;
      };
      const pass = (result: IteratorResult<T>) => {
        if (result.done === true) end(undefined);
        return result;
      };
      return {
        next: () => inner.next().then(pass, fail),
        return: async (value?: unknown) => {
          end(undefined);
          return (await inner.return?.(value)) ?? { done: true, value };
        },
        throw: async (thrown: unknown) => {
          if (inner.throw === undefined) return fail(thrown);
          return inner.throw(thrown).then(pass, fail);
        },
      };
    },
  };
}

/** The stream, failing as soon as the signal aborts, even while its source stays silent. */
export function stopOnAbort<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      let rejectPending: ((reason: unknown) => void) | null = null;
      const onAbort = () => rejectPending?.(abortError(signal));
      signal.addEventListener("abort", onAbort, { once: true });
      return {
        next: () =>
          new Promise((resolve, reject) => {
            if (signal.aborted) {
              reject(abortError(signal));
              return;
            }
            rejectPending = reject;
            inner.next().then(resolve, reject);
          }),
        return: async (value?: unknown) => {
          signal.removeEventListener("abort", onAbort);
          return (await inner.return?.(value)) ?? { done: true, value };
        },
      };
    },
  };
}

function abortError(signal: AbortSignal): ConnectError {
  return ConnectError.from(signal.reason, Code.Canceled);
}
