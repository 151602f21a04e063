import type { ShownRun } from "../check/facts.ts";

/** One request waits so long for its answer; a gateway may be frozen. */
const requestDeadlineMs = 5000;
/** The check looks twice, and longer at what may pass by itself. */
const diagnosisDeadlineMs = 60_000;
const pageSize = 100;

interface RunJson {
  readonly dag_run_id: string;
  readonly state: string;
  readonly end_date: string | null;
}

interface InstanceJson {
  readonly task_id: string;
  readonly state: string;
}

/** What a client of the gateway does, over REST. An answer that is no success is an error. */
interface DiagnosisJson {
  readonly findings: readonly { readonly check: string; readonly subject: string; readonly detail: string }[];
  readonly next_cursor?: string;
}

export interface GatewayClient {
  isKnown(dagId: string): Promise<boolean>;
  /** Answers the run's id. The same key makes the same run. */
  trigger(dagId: string, idempotencyKey: string): Promise<string>;
  show(runId: string): Promise<ShownRun>;
  /** What the check of the whole state finds, which repairs nothing; sentences. */
  diagnose(): Promise<readonly string[]>;
}

export function createGatewayClient(url: () => string): GatewayClient {
  async function call<T>(path: string, init: RequestInit = {}, deadlineMs = requestDeadlineMs): Promise<T> {
    const signal = AbortSignal.timeout(deadlineMs);
    const response = await fetch(`${url()}/api/v1${path}`, { ...init, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  }
  return {
    isKnown: (dagId) =>
      call(`/dags/${dagId}`).then(
        () => true,
        () => false,
      ),
    async trigger(dagId, key) {
      const headers = { "content-type": "application/json", "idempotency-key": key };
      const path = `/dags/${dagId}/dagRuns`;
      return (await call<RunJson>(path, { method: "POST", headers, body: "{}" })).dag_run_id;
    },
    async show(runId) {
      const run = await call<RunJson>(`/dagRuns/${runId}`);
      const states = new Map<string, string>();
      let cursor = "";
      do {
        const page = await call<{ task_instances: readonly InstanceJson[]; next_cursor?: string }>(
          `/dagRuns/${runId}/taskInstances?limit=${pageSize}&cursor=${encodeURIComponent(cursor)}`,
        );
        for (const { task_id, state } of page.task_instances) states.set(task_id, state);
        cursor = page.next_cursor ?? "";
      } while (cursor !== "");
      return { runId: run.dag_run_id, state: run.state, hasEnded: run.end_date !== null, states };
    },
    async diagnose() {
      const found: string[] = [];
      let cursor = "";
      do {
        const headers = { "content-type": "application/json" };
        const init = { method: "POST", headers, body: JSON.stringify({ repair: false, cursor }) };
        const page = await call<DiagnosisJson>("/doctor", init, diagnosisDeadlineMs);
        for (const { check, subject, detail } of page.findings) found.push(`doctor: ${check} of ${subject}: ${detail}`);
        cursor = page.next_cursor ?? "";
      } while (cursor !== "");
      return found;
    },
  };
}
