import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPatternFinder } from "./pattern-finder.ts";

describe("a pattern in a stream", () => {
  it("is found wherever the stream is cut into chunks", () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 30 });
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(30), { maxLength: 6 }),
        bytes.filter((list) => list.length > 0),
        (text, cuts, wanted) => {
          const all = Buffer.from(text);
          const pattern = Buffer.from(wanted);
          const finder = createPatternFinder(pattern);
          const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
          let found: number | null = null;
          for (let index = 1; index < places.length && found === null; index += 1) {
            const start = places[index - 1] ?? 0;
            const end = finder.find(all.subarray(start, places[index]));
            if (end !== null) found = start + end;
          }
          const expected = all.indexOf(pattern);
          expect(found).toBe(expected < 0 ? null : expected + pattern.length);
        },
      ),
    );
  });
});
