export interface MessageBatch<T> {
  readonly add: (message: T) => void;
  /** Writes at once what waits. */
  readonly flush: () => void;
  /** Forgets what waits. */
  readonly clear: () => void;
}

/**
 * Makes one message of what is said in one turn of the loop, in order: each costs a write on this side and a wake on the
 * other, together about 0.2 ms.
 */
export function createMessageBatch<T>(write: (messages: readonly T[]) => void): MessageBatch<T> {
  let waiting: T[] = [];
  let turn: NodeJS.Immediate | undefined;
  const clear = (): void => {
    clearImmediate(turn);
    turn = undefined;
    waiting = [];
  };
  const flush = (): void => {
    const messages = waiting;
    clear();
    if (messages.length > 0) write(messages);
  };
  return {
    add: (message) => {
      waiting.push(message);
      turn ??= setImmediate(flush);
    },
    flush,
    clear,
  };
}
