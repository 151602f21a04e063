import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LedgerDag, toDefinition } from "../ledger/ledger-dag.ts";
import type { GatewayClient } from "./gateway-client.ts";

const registrationDeadlineMs = 30_000;
const pollMs = 100;
/** A client asks again so soon when it was not answered. */
const retryPauseMs = 200;

/** A client of one scenario: it defines DAGs, triggers runs, and keeps what it was told. */
export interface Workload {
  readonly dags: readonly LedgerDag[];
  readonly ledgerFile: string;
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Requests that were doubled and not answered alike; sentences. */
  readonly contradictions: readonly string[];
  /** How many were made, answered or not. */
  readonly requests: number;
  /** Answers that were no success, which the client did not let rest at. */
  readonly retries: number;
  /** Triggers a run of the next DAG in turn, again and again with one key, until it is answered. Rejects at the deadline. */
  trigger(deadlineMs: number): Promise<void>;
}

/** Resolves when all definitions are in force. */
export async function startWorkload(options: {
  readonly dags: readonly LedgerDag[];
  readonly dagsFolder: string;
  readonly ledgerFile: string;
  readonly client: GatewayClient;
  readonly doublesRequests?: true;
}): Promise<Workload> {
  const { dags, dagsFolder, ledgerFile, client } = options;
  for (const dag of dags) {
    const path = join(dagsFolder, `${dag.id}.yaml`);
    await writeFile(`${path}.new`, toDefinition(dag, ledgerFile));
    await rename(`${path}.new`, path);
  }
  const deadline = performance.now() + registrationDeadlineMs;
  for (const { id } of dags) {
    while (!(await client.isKnown(id))) {
      if (performance.now() > deadline) throw new Error(`${id} was not registered within ${registrationDeadlineMs} ms`);
      await delay(pollMs);
    }
  }
  const ask = (dagId: string, key: string): Promise<readonly string[]> =>
    Promise.all(Array.from({ length: options.doublesRequests ? 2 : 1 }, () => client.trigger(dagId, key)));
  const acknowledged = new Map<string, string>();
  const contradictions: string[] = [];
  let requests = 0;
  let retries = 0;
  return {
    dags,
    ledgerFile,
    acknowledged,
    contradictions,
    get requests() {
      return requests;
    },
    get retries() {
      return retries;
    },
    async trigger(deadlineMs) {
      const dag = dags[requests % dags.length];
      if (dag === undefined) throw new Error("the workload has no DAG");
      requests += 1;
      const key = `${dag.id}-${requests}`;
      const end = performance.now() + deadlineMs;
      for (;;) {
        try {
          const [runId = "", ...others] = await ask(dag.id, key);
          acknowledged.set(key, runId);
          if (others.some((other) => other !== runId))
            contradictions.push(`${key} was answered with several runs (G6)`);
          return;
        } catch (error) {
          if (performance.now() > end) throw new Error(`request ${key} was never answered`, { cause: error });
          retries += 1;
          await delay(retryPauseMs);
        }
      }
    },
  };
}
