import { setTimeout as delay } from "node:timers/promises";
import type { RandomStream } from "#simulation/world/random.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import type { Form, Scenario, Stage } from "./scenario.ts";
import type { Workload } from "./workload.ts";

/** A request is repeated for so long behind the time of faults. */
const requestDeadlineMs = 60_000;
/** The longest that a timer can wait. */
const maxPauseMs = 2 ** 31 - 1;

interface FaultTime {
  readonly cluster: ChaosCluster;
  readonly random: RandomStream;
  readonly form: Form;
  readonly durationMs: number;
  readonly runs: number;
  readonly workload: Workload;
}

/** Spreads the runs over the first two thirds of the time, so that the last of them meet faults too. */
export async function applyFaults(
  scenario: Scenario,
  { cluster, random, form, durationMs, runs, workload }: FaultTime,
): Promise<{ readonly counts: Readonly<Record<string, number>>; readonly problems: readonly string[] }> {
  const ending = new AbortController();
  const counts: Record<string, number> = {};
  const more: Promise<void>[] = [];
  const stage: Stage = {
    cluster,
    random,
    form,
    over: ending.signal,
    pause: (ms) => delay(Math.min(ms, maxPauseMs), undefined, { signal: ending.signal }).catch(() => undefined),
    trigger: () => {
      const request = workload.trigger(durationMs + requestDeadlineMs);
      more.push(request);
      return request;
    },
    count: (fault) => void (counts[fault] = (counts[fault] ?? 0) + 1),
  };
  const timer = setTimeout(() => ending.abort(), durationMs);
  const triggering = Array.from({ length: runs }, async (_, place) => {
    await delay((place * durationMs * 2) / 3 / runs);
    await workload.trigger(durationMs + requestDeadlineMs);
  });
  const requests = Promise.allSettled(triggering);
  try {
    await scenario.fault(stage);
  } finally {
    clearTimeout(timer);
    ending.abort();
    await cluster.heal();
  }
  const failed = [...(await requests), ...(await Promise.allSettled(more))].filter(
    (result) => result.status === "rejected",
  );
  return { counts, problems: failed.map(({ reason }) => String(reason)) };
}
