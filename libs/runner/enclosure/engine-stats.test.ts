import { expect, test } from "vitest";
import { parseEngineStats } from "./engine-stats.ts";

test.each([
  ["626.7kB / 67.11MB;1;427757940\n", { cpuMs: 428, memoryBytes: 626_700, processes: 1 }],
  ["1.5MiB / 1.944GiB;12;", { cpuMs: null, memoryBytes: 1_572_864, processes: 12 }],
  ["2GiB / 4GiB;3;", { cpuMs: null, memoryBytes: 2_147_483_648, processes: 3 }],
  ["0B / 0B;0;0", { cpuMs: 0, memoryBytes: 0, processes: 0 }],
  ["-- / --;--;", { cpuMs: null, memoryBytes: null, processes: null }],
  ["", { cpuMs: null, memoryBytes: null, processes: null }],
])("the engine's answer %j is read as far as it tells something", (line, expected) => {
  expect(parseEngineStats(line)).toEqual({ memoryPeakBytes: null, ...expected });
});
