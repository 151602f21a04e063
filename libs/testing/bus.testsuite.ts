import { describe } from "vitest";
import type { OpenBusHarness } from "./bus-harness.ts";
import { describeOffsets } from "./bus-offsets.testsuite.ts";
import { describeGroups } from "./bus-groups.testsuite.ts";
import { describePoison } from "./bus-poison.testsuite.ts";
import { describePublishing } from "./bus-publishing.testsuite.ts";

const parts: Readonly<Record<string, (open: OpenBusHarness) => void>> = {
  publishing: describePublishing,
  offsets: describeOffsets,
  groups: describeGroups,
  poison: describePoison,
};

/** The one contract of the `Bus` port: every adapter passes all of it. */
export function describeBusContract(open: OpenBusHarness): void {
  for (const [name, describePart] of Object.entries(parts)) {
    describe(name, () => {
      describePart(open);
    });
  }
}
