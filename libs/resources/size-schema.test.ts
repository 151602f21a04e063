import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSize, sizeSchema } from "./size-schema.ts";

describe("a size", () => {
  test.each([
    ["512Mi", 512 * 2 ** 20],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["2G", 2_000_000_000],
    ["2000000", 2_000_000],
    [1_048_576, 1_048_576],
    ["2048Ki", 2 ** 21],
    ["1024Ti", 2 ** 50],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "512", "0", "-1Gi", "1GB", "1 Gi", "1gi", "1e9", "Gi", "1025Ti", ".5Gi", 512, Number.NaN, 1.5e300])(
    "%s is none",
    (text) => {
      expect(parseSize(text)).toBeNull();
      expect(sizeSchema.safeParse(text).success).toBe(false);
    },
  );

  test("of any text or number is whole, in range or none", () => {
    const amount = fc.tuple(
      fc.double({ min: 0, max: 1e16, noNaN: true }),
      fc.constantFrom("", "k", "M", "G", "Ki", "Mi", "Gi"),
    );
    const text = fc.oneof(
      fc.string(),
      amount.map(([number, unit]) => `${number}${unit}`),
      fc.double(),
    );
    fc.assert(
      fc.property(text, (size) => {
        const bytes = parseSize(size);
        expect(bytes === null || (Number.isInteger(bytes) && bytes >= 2 ** 20 && bytes <= 2 ** 50)).toBe(true);
      }),
    );
  });
});
