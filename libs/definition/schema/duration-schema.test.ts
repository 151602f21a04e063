import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration } from "#schedule/duration.ts";
import { durationSchema } from "./duration-schema.ts";

const number = fc.constantFrom("0", "0.0", "1", "30", "1.5", "007", "");
const shortForm = fc.array(fc.tuple(number, fc.constantFrom("d", "h", "m", "s", "ms")), { maxLength: 5 });
const isoForm = fc.array(fc.tuple(number, fc.constantFrom("W", "D", "H", "M", "S", "T")), { maxLength: 5 });
const text = fc.oneof(
  shortForm.map((parts) => parts.flat().join("")),
  isoForm.map((parts) => `P${parts.flat().join("")}`),
  fc.string({ maxLength: 4 }),
);

test("editors take for a duration what the parser takes for one", () => {
  const pattern = new RegExp(String(durationSchema.meta()?.["pattern"]));
  const check = (each: string): void => {
    expect({ each, is: pattern.test(each) }).toEqual({ each, is: parseDuration(each) !== null });
  };
  for (const each of ["1h30m", "500ms", "PT1H30M", "P1W", "P1DT2H", "0s", "PT0S", "P", "PT", "P1DT", "1m1h", "", "5"])
    check(each);
  fc.assert(fc.property(text, check), { numRuns: 2000 });
});
