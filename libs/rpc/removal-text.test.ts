import { expect, test } from "vitest";
import { removalText } from "./removal-text.ts";

test.each([
  [7 * 86_400_000, "outputs were removed after 7 days (outputs.retention)"],
  [86_400_000, "outputs were removed after 1 day (outputs.retention)"],
  [36 * 3_600_000, "outputs were removed after 36 hours (outputs.retention)"],
  [90_000, "outputs were removed after 90 seconds (outputs.retention)"],
  [1500, "outputs were removed after 1500 milliseconds (outputs.retention)"],
])("%i ms are said in the largest unit that is whole", (ms, text) => {
  expect(removalText("outputs", ms)).toBe(text);
});
