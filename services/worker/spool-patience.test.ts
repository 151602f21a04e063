import fc from "fast-check";
import { expect, test } from "vitest";
import { SpoolPatience } from "./spool-patience.ts";

test("follows how long acknowledgements take, and is never shorter than 10 nor longer than 250 ms", () => {
  const patience = new SpoolPatience();
  expect(patience.ms).toBe(10);
  for (let count = 0; count < 100; count += 1) patience.note(40);
  expect(patience.ms).toBeCloseTo(120, 0);
  for (let count = 0; count < 100; count += 1) patience.note(1);
  expect(patience.ms).toBe(10);
});

test("stays within its bounds whatever comes, so that what is never acknowledged is on disk soon", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, noNaN: true })), (waits) => {
      const patience = new SpoolPatience();
      for (const wait of waits) patience.note(wait);
      expect(patience.ms).toBeGreaterThanOrEqual(10);
      expect(patience.ms).toBeLessThanOrEqual(250);
    }),
  );
});
