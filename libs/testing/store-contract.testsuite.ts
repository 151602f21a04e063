import { describe } from "vitest";
import { describeDefinitions } from "./definitions.testsuite.ts";
import { describeDispatch } from "./dispatch.testsuite.ts";
import { describeEvents } from "./events.testsuite.ts";
import { describeExplain } from "./explain.testsuite.ts";
import { describeLeases } from "./leases.testsuite.ts";
import { describeLogs } from "./logs.testsuite.ts";
import { describeQueries } from "./queries.testsuite.ts";
import { describeRunCreation } from "./run-creation.testsuite.ts";
import { describeRuns } from "./runs.testsuite.ts";
import { describeReruns } from "./reruns.testsuite.ts";
import { describeSchedules } from "./schedules.testsuite.ts";
import type { OpenHarness } from "./store-harness.ts";
import { describeWake } from "./wake.testsuite.ts";
import { describeWorkers } from "./workers.testsuite.ts";

const parts: Readonly<Record<string, (open: OpenHarness) => void>> = {
  definitions: describeDefinitions,
  schedules: describeSchedules,
  "run creation": describeRunCreation,
  "run changes": describeRuns,
  reruns: describeReruns,
  dispatch: describeDispatch,
  workers: describeWorkers,
  leases: describeLeases,
  events: describeEvents,
  logs: describeLogs,
  queries: describeQueries,
  explain: describeExplain,
  wake: describeWake,
};

/** The one contract of the `Store` port: every adapter passes all of it. */
export function describeStoreContract(open: OpenHarness): void {
  for (const [name, describePart] of Object.entries(parts)) {
    describe(name, () => {
      describePart(open);
    });
  }
}
