import { describe, expect, it } from "vitest";
import type { NewDeadLetter } from "#ports/dead-letter-store.ts";
import type { Store } from "#ports/store.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const firstPage = { limit: 100, cursor: null, sort: null };
const roomy = 1000;

function letterOf(change: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    topic: "millrace.tasks.default",
    partition: 2,
    offset: 7,
    reason: "it has no value",
    key: new Uint8Array([0, 255]),
    value: new Uint8Array([1, 0, 254]),
    headers: [
      { name: "ticket-version", value: new Uint8Array([55]) },
      { name: "ticket-version", value: new Uint8Array() },
    ],
    size: 3,
    isCut: false,
    reportedBy: "w1",
    ...change,
  };
}

async function offsetsOf(store: Store, topic: string | null = null): Promise<readonly number[]> {
  return (await store.deadLetters.list(firstPage, { topic })).items.map(({ offset }) => offset);
}

/** What every store of dead letters does (G12). */
export function describeDeadLetters(open: OpenHarness): void {
  it("keeps a message byte for byte, with where it was and why", async () => {
    const { store } = await openForTest(open);
    expect(await store.deadLetters.park(letterOf(), roomy)).toBe("parked");
    const [entry] = (await store.deadLetters.list(firstPage, { topic: null })).items;
    const { key, value, headers, ...facts } = letterOf();
    expect(entry).toMatchObject({ ...facts, replayedAt: null, furtherCount: 0 });
    expect(Math.abs((entry?.parkedAt ?? 0) - store.now())).toBeLessThan(60_000);
    const letter = await store.deadLetters.find(entry?.deadLetterKey ?? 0);
    expect(Buffer.from(letter?.key ?? [])).toEqual(Buffer.from(key ?? []));
    expect(Buffer.from(letter?.value ?? [])).toEqual(Buffer.from(value ?? []));
    const plain = letter?.headers.map((header) => ({ name: header.name, value: [...header.value] }));
    expect(plain).toEqual(headers.map((header) => ({ name: header.name, value: [...header.value] })));
  });

  it("keeps what is absent apart from what is empty", async () => {
    const { store } = await openForTest(open);
    await store.deadLetters.park(letterOf({ key: null, value: null, headers: [], reason: "NUL \0 in it" }), roomy);
    await store.deadLetters.park(letterOf({ offset: 8, key: new Uint8Array(), value: new Uint8Array() }), roomy);
    const { items } = await store.deadLetters.list(firstPage, { topic: null });
    const [empty, absent] = await Promise.all(items.map((item) => store.deadLetters.find(item.deadLetterKey)));
    expect(absent).toMatchObject({ key: null, value: null, headers: [] });
    expect([empty?.key?.length, empty?.value?.length]).toEqual([0, 0]);
  });

  it("has one row for a place, however often and by whomever it is reported", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const results = await Promise.all(
      [store, other, store, other].map((one, place) =>
        one.deadLetters.park(letterOf({ reportedBy: `w${place}` }), roomy),
      ),
    );
    expect(results.toSorted()).toEqual(["known", "known", "known", "parked"]);
    expect(await store.deadLetters.park(letterOf({ partition: 3 }), roomy)).toBe("parked");
    expect(await store.deadLetters.park(letterOf({ topic: "other" }), roomy)).toBe("parked");
    expect(await store.deadLetters.countParked()).toBe(3);
  });

  it("keeps so many of a topic and counts the rest on its newest row, whoever reports at the same time", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const flood = Array.from({ length: 20 }, (_, offset) =>
      (offset % 2 === 0 ? store : other).deadLetters.park(letterOf({ offset }), 5),
    );
    const results = await Promise.all(flood);
    expect(results.filter((result) => result === "parked")).toHaveLength(5);
    expect(results.filter((result) => result === "counted")).toHaveLength(15);
    const { items, totalCount } = await store.deadLetters.list(firstPage, { topic: null });
    expect(items.map(({ furtherCount }) => furtherCount)).toEqual([15, 0, 0, 0, 0]);
    expect([totalCount, await store.deadLetters.countParked()]).toEqual([5, 20]);
    expect(await store.deadLetters.park(letterOf({ topic: "other" }), 5)).toBe("parked");
    expect(await store.deadLetters.park(letterOf({ offset: items[0]?.offset ?? 0 }), 5)).toBe("known");
    await store.deadLetters.drop(items[4]?.deadLetterKey ?? 0);
    expect(await store.deadLetters.park(letterOf({ offset: 99 }), 5)).toBe("parked");
  });

  it("lists the newest first, by pages, of one topic or all", async () => {
    const { store } = await openForTest(open);
    for (const offset of [1, 2, 3]) await store.deadLetters.park(letterOf({ offset }), roomy);
    await store.deadLetters.park(letterOf({ topic: "other", offset: 4 }), roomy);
    expect(await offsetsOf(store)).toEqual([4, 3, 2, 1]);
    expect(await offsetsOf(store, "other")).toEqual([4]);
    expect(await offsetsOf(store, "nothing")).toEqual([]);
    const page = await store.deadLetters.list({ ...firstPage, limit: 3 }, { topic: null });
    const rest = await store.deadLetters.list({ ...firstPage, cursor: page.nextCursor }, { topic: null });
    expect([page.items.length, rest.items.map(({ offset }) => offset), rest.nextCursor]).toEqual([3, [1], null]);
  });

  describe("changes", () => {
    it("marks a message as sent again once, and it counts no more", async () => {
      const { store } = await openForTest(open);
      await store.deadLetters.park(letterOf(), roomy);
      const [entry] = (await store.deadLetters.list(firstPage, { topic: null })).items;
      const key = entry?.deadLetterKey ?? 0;
      const marked = await Promise.all([store.deadLetters.markReplayed(key), store.deadLetters.markReplayed(key)]);
      expect(marked.filter((isMarked) => isMarked)).toHaveLength(1);
      expect((await store.deadLetters.find(key))?.replayedAt).toEqual(expect.any(Number));
      expect(await store.deadLetters.countParked()).toBe(0);
      expect(await store.deadLetters.markReplayed(key + 1)).toBe(false);
    });

    it("drops a message once", async () => {
      const { store } = await openForTest(open);
      await store.deadLetters.park(letterOf(), roomy);
      const [entry] = (await store.deadLetters.list(firstPage, { topic: null })).items;
      const key = entry?.deadLetterKey ?? 0;
      expect([await store.deadLetters.drop(key), await store.deadLetters.drop(key)]).toEqual([true, false]);
      expect([await store.deadLetters.find(key), await offsetsOf(store)]).toEqual([null, []]);
    });
  });
}
