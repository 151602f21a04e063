import { expect } from "vitest";
import { eventually } from "./eventually.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  /** Of an answer that is none, its `text`. */
  readonly json: Json;
}

/** A task of a run, as the API shows it. */
export interface SeenTask {
  readonly id: string;
  readonly state: string;
  readonly try_number: number;
  readonly last_error: string;
  readonly queue: string;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

/** A run that has ended. Items of a task have the id `task[0]`. */
export interface SeenRun {
  readonly id: string;
  readonly state: string;
  readonly tasks: Readonly<Record<string, SeenTask>>;
  readonly outputs: Readonly<Record<string, Json>>;
}

/** What tests ask of a server over REST. */
export interface RestClient {
  /** A request to the REST interface, below `/api/v1/`; with a body it is a POST, of a text as YAML. */
  readonly call: (path: string, body?: unknown) => Promise<Answer>;
  /** Triggers, with more fields of the request, and answers the run's id. */
  readonly trigger: (dagId: string, request?: Json) => Promise<string>;
  /** The run once it has ended. */
  readonly ended: (runId: string) => Promise<SeenRun>;
  readonly log: (run: SeenRun, taskId: string) => Promise<string>;
}

/** `url` is asked at each call: a server may come back elsewhere. */
export function createRestClient(url: () => string): RestClient {
  async function call(path: string, body?: unknown): Promise<Answer> {
    const [type, text] =
      typeof body === "string" ? ["application/yaml", body] : ["application/json", JSON.stringify(body)];
    const init = { method: "POST", headers: { "content-type": type }, body: text };
    const response = await fetch(`${url()}/api/v1/${path}`, body === undefined ? {} : init);
    const answer = await response.text();
    return { status: response.status, json: answer.startsWith("{") ? (JSON.parse(answer) as Json) : { text: answer } };
  }

  return {
    call,
    async trigger(dagId, request = {}) {
      const answer = await call(`dags/${dagId}/dagRuns`, request);
      expect(answer).toMatchObject({ status: 201 });
      return String(answer.json["dag_run_id"]);
    },
    async ended(id) {
      const path = `dagRuns/${encodeURIComponent(id)}`;
      const end = async () => (await call(path)).json["end_date"];
      await eventually(end, (seen) => expect(seen).not.toBeNull());
      const { state } = (await call(path)).json;
      const { task_instances: instances } = (await call(`${path}/taskInstances?limit=100`)).json;
      const { xcom } = (await call(`${path}/xcom`)).json;
      const outputs: Record<string, Record<string, unknown>> = {};
      for (const { task_id: task, key, value } of xcom as { task_id: string; key: string; value: unknown }[])
        outputs[task] = { ...outputs[task], [key]: value };
      const tasks = (instances as (SeenTask & { task_id: string; map_index: number | null })[]).map(
        (task) => [task.map_index === null ? task.task_id : `${task.task_id}[${task.map_index}]`, task] as const,
      );
      return { id, state: String(state), tasks: Object.fromEntries(tasks), outputs };
    },
    async log(run, taskId) {
      const { json } = await call(`taskInstances/${encodeURIComponent(run.tasks[taskId]?.id ?? "")}/logs`);
      return String(json["text"]);
    },
  };
}
