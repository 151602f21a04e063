import { expect, test } from "vitest";
import { usageText } from "./usage-text.ts";

const mib = 1024 * 1024;

test.each([
  [
    {
      memoryBytes: BigInt(412 * mib),
      memoryLimitBytes: BigInt(1024 * mib),
      memoryPeakBytes: BigInt(503 * mib),
      cpuMs: 3217n,
      processes: 4,
    },
    "412 MiB of 1 GiB, peak 503 MiB, 3.2 s of CPU, 4 processes",
  ],
  [{ memoryBytes: BigInt(2 * mib), processes: 1 }, "2 MiB of memory, 1 process"],
  [{ memoryPeakBytes: BigInt(mib), cpuMs: 0n }, "peak 1 MiB, 0 s of CPU"],
  [{}, ""],
])("what is known is said in one line, and nothing of the rest", (usage, text) => {
  expect(usageText(usage)).toBe(text);
});
