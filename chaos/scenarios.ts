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

/**
 * Every set of faults; a new one is a file in scenarios/ and a line here. Those of one cluster run in this order: workers stay
 * with the executor that they have found, so what ends executors comes behind what needs several that have workers.
 */
export const scenarios: readonly Scenario[] = [
  restartDatabase,
  loseReplies,
  failTransactions,
  killWhileLogging,
  blockExecutors,
  shakeLinks,
  stallLinks,
  partitionActors,
  freezeExecutors,
  freezeAnything,
  changeLeaders,
  changePooledLeaders,
  killAnything,
  restartBetweenAttempts,
  restartInTurn,
  upgradeInTurn,
  breakBroker,
  rebalance,
  writePoison,
  repeatMessages,
  loseTopic,
  sweepFailpoints,
  fanIn,
  failingGraph,
  restartCrowd,
  killTheOnlyOne,
  killEverything,
];
