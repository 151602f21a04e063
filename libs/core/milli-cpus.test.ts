import fc from "fast-check";
import { expect, test } from "vitest";
import { toMilliCpus } from "./milli-cpus.ts";

test("thousandths of a processor are counted as they are written, and parts of one are a whole one", () => {
  expect([4.03, 0.57, 1.001, 0.0101].map(toMilliCpus)).toEqual([4030, 570, 1001, 11]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_024_000 }), (thousandths) => {
      expect(toMilliCpus(thousandths / 1000)).toBe(thousandths);
    }),
  );
});
