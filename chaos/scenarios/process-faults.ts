import { setTimeout as delay } from "node:timers/promises";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import { workerLeaseMs } from "../stage/setups.ts";
import type { AfterFaults, Scenario, Stage } from "../stage/scenario.ts";
import { findInterrupted } from "./interrupted.ts";
import { longLivedLoad, ordinaryLoad } from "./ordinary-load.ts";
import { createVictims, findBusyWorker } from "./victims.ts";

export const killAnything: Scenario = {
  setup: "services",
  id: "A1",
  title: "kill -9 of a random process every 2 s",
  shortMs: 12_000,
  load: longLivedLoad("a1"),
  async fault(stage) {
    const nextVictim = createVictims(stage);
    while (!stage.over.aborted) {
      await stage.pause(stage.random.between(500, 1500));
      const victim = await nextVictim();
      await stage.cluster.murder(victim);
      stage.count(`killed ${victim.service}`);
      await stage.pause(stage.random.between(0, 1000));
      await victim.start();
    }
  },
};

/** A worker and another process at a time stand still, with their connections open, and go on as if nothing were. */
export const freezeAnything: Scenario = {
  setup: "services",
  id: "A2",
  title: "SIGSTOP of random processes for 0.5 to 3 leases",
  shortMs: 10_000,
  load: longLivedLoad("a2"),
  async fault(stage) {
    const freezeInTurn = async (nextVictim: () => Promise<ClusterProcess>): Promise<void> => {
      while (!stage.over.aborted) {
        await freeze(stage, await nextVictim(), stage.random.between(0.5, 3) * workerLeaseMs);
        await stage.pause(300);
      }
    };
    await Promise.all([freezeInTurn(() => findBusyWorker(stage)), freezeInTurn(createVictims(stage))]);
  },
  check: ({ log }) =>
    log
      .split("\n")
      .filter((line) => line.includes("an outcome of a replaced attempt was refused"))
      .filter((line) => !/"fence":\d+/.test(line) || !/"present_fence":\d+/.test(line))
      .map((line) => `a refusal was logged without both fences: ${line}`),
};

/** The observer stalls for longer than a lease, the workers are healthy. */
export const freezeExecutors: Scenario = {
  setup: "services",
  id: "G11",
  title: "one executor after the other stopped for two leases",
  shortMs: 8000,
  load: ordinaryLoad("g11"),
  async fault(stage) {
    const executors = stage.cluster.of("executor");
    for (let turn = 0; !stage.over.aborted; turn += 1) {
      const victim = executors[turn % executors.length];
      if (victim === undefined) return;
      await freeze(stage, victim, 2 * workerLeaseMs);
      await stage.pause(500);
    }
  },
  check: findReaped,
};

/** Heartbeats queue behind results in every executor at once, for a good part of a lease. */
export const blockExecutors: Scenario = {
  setup: "services",
  id: "A24",
  title: "all executors stopped for half a lease, again and again",
  shortMs: 5000,
  load: ordinaryLoad("a24"),
  async fault(stage) {
    while (!stage.over.aborted) {
      await Promise.all(stage.cluster.of("executor").map((executor) => freeze(stage, executor, workerLeaseMs / 2)));
      await stage.pause(1000);
    }
  },
  check: findReaped,
};

/** An upgrade: every process is ended in an orderly way and started again, one after the other, ten times in the long form. */
export const restartInTurn: Scenario = {
  setup: "services",
  id: "R1",
  title: "rolling restart of everything under load",
  shortMs: 20_000,
  load: ordinaryLoad("r1"),
  async fault(stage) {
    const rounds = stage.form === "short" ? 1 : 10;
    for (let round = 0; round < rounds; round += 1) {
      for (const process of stage.cluster.processes) {
        await stage.cluster.end(process);
        await process.start();
        stage.count(`restarted ${process.service}`);
        await delay(200);
      }
    }
  },
  check: findInterrupted,
};

/** The load of one worker: it has work as long as the faults last, and what is left at the healing must be done within a minute. */
const loneSize = { shortRuns: 4, longRunsPerMinute: 4 };

/** One of each service: what it did nobody else can do. */
export const killTheOnlyOne: Scenario = {
  setup: "single",
  id: "C1",
  title: "the only executor or worker dies in the middle of a run",
  shortMs: 8000,
  load: ordinaryLoad("c1", loneSize),
  async fault(stage) {
    for (let turn = 0; !stage.over.aborted; turn += 1) {
      await stage.pause(stage.random.between(500, 2000));
      const [victim] = stage.cluster.of(turn % 2 === 0 ? "worker" : "executor");
      if (victim === undefined) return;
      await stage.cluster.murder(victim);
      await victim.start();
      stage.count(`killed ${victim.service}`);
    }
  },
};

/** A power cut: nobody is left to take anything over, and they come back in any order. */
export const killEverything: Scenario = {
  setup: "single",
  id: "C2",
  title: "every process dies at once",
  shortMs: 5000,
  load: ordinaryLoad("c2", loneSize),
  async fault(stage) {
    const { processes } = stage.cluster;
    while (!stage.over.aborted) {
      await stage.pause(stage.random.between(1500, 3000));
      await Promise.all(processes.map((process) => stage.cluster.murder(process)));
      await Promise.all(processes.map((process) => process.start()));
      stage.count("killed everything");
    }
  },
  check: ({ client }) => client.diagnose(),
};

function findReaped({ facts }: AfterFaults): readonly string[] {
  return facts.runs.flatMap(({ runId, attempts }) =>
    attempts
      .filter(({ state }) => state === "lost")
      .map(
        ({ taskId, tryNumber }) =>
          `run ${runId}: try ${tryNumber} of ${taskId} was reaped, its worker was healthy (G11)`,
      ),
  );
}

async function freeze(stage: Stage, victim: ClusterProcess, ms: number): Promise<void> {
  victim.signal("SIGSTOP");
  stage.count(`froze ${victim.service}`);
  await stage.pause(ms);
  victim.signal("SIGCONT");
}
