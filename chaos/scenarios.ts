import { failTransactions, loseReplies, restartDatabase } from "./scenarios/database-faults.ts";
import { killWhileLogging } from "./scenarios/log-faults.ts";
import { failingGraph, fanIn, restartBetweenAttempts, restartCrowd } from "./scenarios/load-faults.ts";
import { sweepFailpoints } from "./scenarios/failpoint-sweep.ts";
import { breakBroker, loseTopic, rebalance, repeatMessages, writePoison } from "./scenarios/kafka-faults.ts";
import { partitionActors, shakeLinks, stallLinks } from "./scenarios/network-faults.ts";
import {
  blockExecutors,
  freezeAnything,
  freezeExecutors,
  killAnything,
  killEverything,
  killTheOnlyOne,
  restartInTurn,
} from "./scenarios/process-faults.ts";
import { upgradeInTurn } from "./scenarios/release-faults.ts";
import { changeLeaders, changePooledLeaders } from "./scenarios/scheduler-faults.ts";
import type { Scenario } from "./stage/scenario.ts";

/** Every set of faults; a new one is a file in scenarios/ and a line here. */
export const scenarios: readonly Scenario[] = [
  killAnything,
  freezeAnything,
  shakeLinks,
  stallLinks,
  partitionActors,
  restartDatabase,
  loseReplies,
  failTransactions,
  sweepFailpoints,
  breakBroker,
  rebalance,
  writePoison,
  repeatMessages,
  loseTopic,
  changeLeaders,
  changePooledLeaders,
  upgradeInTurn,
  fanIn,
  restartBetweenAttempts,
  killWhileLogging,
  restartCrowd,
  blockExecutors,
  freezeExecutors,
  restartInTurn,
  killTheOnlyOne,
  killEverything,
  failingGraph,
];
