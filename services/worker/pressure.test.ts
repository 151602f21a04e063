import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextPressure, noPressure, pressureStrain, type ResourceUsage } from "./pressure.ts";

const idle: ResourceUsage = { cpuPercent: 10, memoryPercent: 10, diskPercent: 10 };

/** Why it takes nothing new, after each of these measures. */
function reasons(...measures: readonly Partial<ResourceUsage>[]): readonly (string | null)[] {
  let pressure = noPressure;
  return measures.map((measure) => {
    pressure = nextPressure(pressure, { ...idle, ...measure });
    return pressureStrain(pressure)?.reason ?? null;
  });
}

describe("a machine is full", () => {
  test("of what was at 95 % twice in a row, until that is below 90 %", () => {
    const disk = (diskPercent: number): Partial<ResourceUsage> => ({ diskPercent });

    expect(reasons(disk(95), disk(94.9), disk(99), disk(95), disk(90), disk(89.9), disk(95))).toEqual([
      ...[null, null, null],
      ...["disk at 95 %", "disk at 90 %"],
      ...[null, null],
    ]);
  });

  test("of several things at once", () => {
    expect(reasons({ cpuPercent: 100, memoryPercent: 97 }, { cpuPercent: 100, memoryPercent: 97 })).toEqual([
      null,
      "cpu at 100 %, memory at 97 %",
    ]);
  });

  test("and yields only where the cpu alone is full", () => {
    const after = (measure: Partial<ResourceUsage>) =>
      pressureStrain(nextPressure(nextPressure(noPressure, { ...idle, ...measure }), { ...idle, ...measure }))?.yields;

    expect([
      after({ cpuPercent: 99 }),
      after({ diskPercent: 99 }),
      after({ cpuPercent: 99, memoryPercent: 99 }),
    ]).toEqual([true, false, false]);
  });

  test("never by one measure, and never below 90 %", () => {
    const percent = fc.integer({ min: 0, max: 100 });
    const usage = fc.record({ cpuPercent: percent, memoryPercent: percent, diskPercent: percent });
    fc.assert(
      fc.property(fc.array(usage), (measures) => {
        let pressure = noPressure;
        for (const [index, measure] of measures.entries()) {
          pressure = nextPressure(pressure, measure);
          for (const resource of pressure.full) {
            expect(measure[resource]).toBeGreaterThanOrEqual(90);
            expect(index).toBeGreaterThan(0);
          }
        }
      }),
    );
  });
});
