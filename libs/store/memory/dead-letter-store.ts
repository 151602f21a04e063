import type { DeadLetter, DeadLetterEntry, DeadLetterStore } from "#ports/dead-letter-store.ts";
import type { MemoryState } from "./memory-state.ts";
import { pageOf } from "./page.ts";

const order = [{ value: ({ deadLetterKey }: DeadLetterEntry) => deadLetterKey, descending: true }];

/** Dead letters in memory. */
export function createMemoryDeadLetters(state: MemoryState): DeadLetterStore {
  const letters = new Map<number, DeadLetter>();
  let lastKey = 0;
  const ofTopic = (topic: string): readonly DeadLetter[] =>
    [...letters.values()].filter((letter) => letter.topic === topic);
  return {
    async park(letter, maxPerTopic) {
      const { partition, offset, topic } = letter;
      const parked = ofTopic(topic);
      if (parked.some((other) => other.partition === partition && other.offset === offset)) return "known";
      const newest = parked.at(-1);
      if (newest !== undefined && parked.length >= maxPerTopic) {
        letters.set(newest.deadLetterKey, { ...newest, furtherCount: newest.furtherCount + 1 });
        return "counted";
      }
      lastKey += 1;
      const added = { deadLetterKey: lastKey, parkedAt: state.now(), replayedAt: null, furtherCount: 0 };
      letters.set(lastKey, { ...letter, ...added });
      return "parked";
    },
    async list(page, { topic }) {
      const all = topic === null ? [...letters.values()] : ofTopic(topic);
      const found = pageOf(all, page, { order, sorts: {} });
      return { ...found, items: found.items.map(toEntry) };
    },
    find: async (deadLetterKey) => letters.get(deadLetterKey) ?? null,
    async markReplayed(deadLetterKey) {
      const letter = letters.get(deadLetterKey);
      if (letter === undefined || letter.replayedAt !== null) return false;
      letters.set(deadLetterKey, { ...letter, replayedAt: state.now() });
      return true;
    },
    drop: async (deadLetterKey) => letters.delete(deadLetterKey),
    countParked: async () =>
      [...letters.values()].reduce(
        (count, { replayedAt, furtherCount }) => count + (replayedAt === null ? 1 : 0) + furtherCount,
        0,
      ),
  };
}

function toEntry({ key: _key, value: _value, headers: _headers, ...entry }: DeadLetter): DeadLetterEntry {
  return entry;
}
