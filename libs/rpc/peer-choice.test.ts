import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { createPeerChoice, type PeerChoice } from "./peer-choice.ts";

const urls = ["a", "b", "c"];
let now: number;
let choice: PeerChoice;

beforeEach(() => {
  now = 0;
  choice = createPeerChoice(() => now);
});

/** A call that goes to the first in order; answers where it went and how it ends. */
function call(): { url: string; end: () => void } {
  const url = choice.order(urls)[0] ?? "";
  return { url, end: choice.begin(url) };
}

describe("the choice of a peer", () => {
  test("takes them in turn while none has a call under way", () => {
    const went = Array.from({ length: 6 }, () => {
      const { url, end } = call();
      end();
      return url;
    });
    expect(went).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  test("takes the one with the fewest calls under way", () => {
    const [, b] = [call(), call(), call(), call()];
    b?.end();
    expect(choice.order(urls)).toEqual(["b", "c", "a"]);
  });

  test("keeps one that is away to the end, the one that failed last at the very end", () => {
    choice.markAway("b");
    now = 1;
    choice.markAway("a");
    expect(choice.order(urls)).toEqual(["c", "b", "a"]);
    expect(urls.map((url) => choice.isAway(url))).toEqual([true, true, false]);
    expect([choice.markBack("b", "call"), choice.markBack("b", "call")]).toEqual([true, false]);
    expect(choice.order(urls)).toEqual(["b", "c", "a"]);
  });

  test("asks one that is away for a sign of life once after each pause, and pauses longer each time up to a limit", () => {
    const pauses: number[] = [];
    choice.markAway("a");
    for (let turn = 0, since = 0; turn < 7; turn += 1, since = now) {
      while (choice.takeDue().length === 0) now += 250;
      pauses.push(now - since);
      expect(choice.takeDue()).toEqual([]);
      choice.markAway("a");
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test.each([
    ["call", 500],
    ["ping", 1000],
  ] as const)("pauses after a later failure as a %s that succeeded before calls for", (by, pauseMs) => {
    choice.markAway("a");
    now = 500;
    expect(choice.takeDue()).toEqual(["a"]);
    choice.markBack("a", by);
    choice.markAway("a");
    now += pauseMs - 1;
    expect(choice.takeDue()).toEqual([]);
    now += 1;
    expect(choice.takeDue()).toEqual(["a"]);
  });

  test("counts calls that fail together as one failure", () => {
    for (let failed = 0; failed < 100; failed += 1) choice.markAway("a");
    now = 500;
    expect(choice.takeDue()).toEqual(["a"]);
  });

  test("knows nothing any more of one that is no longer among them", () => {
    choice.markAway("a");
    choice.order(["b", "c"]);
    expect(choice.order(urls)[0]).toBe("a");
  });

  test("never lets the calls under way of two that answer differ by more than one, when none ends", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.subarray(urls, { minLength: 1 }), (count, healthy) => {
        choice = createPeerChoice(() => now);
        for (const url of urls) if (!healthy.includes(url)) choice.markAway(url);
        const calls = new Map(healthy.map((url) => [url, 0]));
        for (let made = 0; made < count; made += 1) {
          const { url } = call();
          calls.set(url, (calls.get(url) ?? Number.NaN) + 1);
        }
        return Math.max(...calls.values()) - Math.min(...calls.values()) <= 1;
      }),
    );
  });
});
