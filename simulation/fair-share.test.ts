import { expect, test } from "vitest";
import { fairWaits } from "./fair-share.ts";

test("equal DAGs share alike, and what a small one leaves goes to the others", () => {
  expect(fairWaits([100, 100], 1)).toEqual([198, 198]);
  const [large = 0, small = 0] = fairWaits([1000, 100], 1);
  expect(small).toBeCloseTo(198);
  expect(large).toBeCloseTo(1089);
});
