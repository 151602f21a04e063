import { describe } from "vitest";
import { describeArtifacts } from "./artifacts.testsuite.ts";
import { describeBackfills } from "./backfills.testsuite.ts";
import { describeDeadLetters } from "./dead-letters.testsuite.ts";
import { describeConsistency } from "./consistency.testsuite.ts";
import { describeDefinitionBatches } from "./definition-batches.testsuite.ts";
import { describeDefinitions } from "./definitions.testsuite.ts";
import { describeDispatch } from "./dispatch.testsuite.ts";
import { describeEvents } from "./events.testsuite.ts";
import { describeExplain } from "./explain.testsuite.ts";
import { describeKeptAnswers } from "./kept-answers.testsuite.ts";
import { describeLeases } from "./leases.testsuite.ts";
import { describeLimits } from "./limits.testsuite.ts";
import { describeLogs } from "./logs.testsuite.ts";
import { describePlacement, describeRequests } from "./placement.testsuite.ts";
import { describeQueries } from "./queries.testsuite.ts";
import { describeRetention } from "./retention.testsuite.ts";
import { describeRunCreation } from "./run-creation.testsuite.ts";
import { describeRuns } from "./runs.testsuite.ts";
import { describeReruns } from "./reruns.testsuite.ts";
import { describeSchedules } from "./schedules.testsuite.ts";
import { describeSensors } from "./sensors.testsuite.ts";
import type { OpenHarness } from "./store-harness.ts";
import { describeTemplates } from "./templates.testsuite.ts";
import { describeVersions } from "./versions.testsuite.ts";
import { describeWaits } from "./waits.testsuite.ts";
import { describeWake } from "./wake.testsuite.ts";
import { describeWebhookNames } from "./webhook-names.testsuite.ts";
import { describeWorkers } from "./workers.testsuite.ts";

const parts: Readonly<Record<string, (open: OpenHarness) => void>> = {
  definitions: describeDefinitions,
  "batches of definitions": describeDefinitionBatches,
  versions: describeVersions,
  "names of webhooks": describeWebhookNames,
  schedules: describeSchedules,
  templates: describeTemplates,
  "run creation": describeRunCreation,
  "run changes": describeRuns,
  reruns: describeReruns,
  "kept answers": describeKeptAnswers,
  dispatch: describeDispatch,
  limits: describeLimits,
  placement: describePlacement,
  requests: describeRequests,
  workers: describeWorkers,
  leases: describeLeases,
  events: describeEvents,
  logs: describeLogs,
  artifacts: describeArtifacts,
  "dead letters": describeDeadLetters,
  backfills: describeBackfills,
  sensors: describeSensors,
  queries: describeQueries,
  explain: describeExplain,
  consistency: describeConsistency,
  waits: describeWaits,
  retention: describeRetention,
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
