const json = { "content-type": "application/json" };

/** Triggers a run and waits for its successful end; answers the milliseconds between, as a client sees them. */
export async function triggerAndWait(base: string, dag: string): Promise<number> {
  const start = performance.now();
  const answer = await fetch(`${base}/api/v1/dags/${dag}/dagRuns?wait=true`, {
    method: "POST",
    headers: json,
    body: "{}",
  });
  const run = (await answer.json()) as { state?: string };
  if (run.state !== "success") throw new Error(`run of ${dag} answered ${JSON.stringify(run).slice(0, 500)}`);
  return performance.now() - start;
}

/** Makes a run and answers its id. */
export async function trigger(base: string, dag: string): Promise<string> {
  const run = await call(`${base}/api/v1/dags/${dag}/dagRuns`, { method: "POST", headers: json, body: "{}" });
  return (run as { dag_run_id: string }).dag_run_id;
}

export async function cancel(base: string, runId: string): Promise<void> {
  await call(`${base}/api/v1/dagRuns/${runId}`, { method: "DELETE" });
}

/** Makes a pool, or gives it another size. */
export async function setPool(base: string, name: string, size: number): Promise<void> {
  await call(`${base}/api/v1/pools/${name}`, { method: "PATCH", headers: json, body: JSON.stringify({ size }) });
}

async function call(url: string, request: RequestInit): Promise<unknown> {
  const answer = await fetch(url, request);
  if (!answer.ok) throw new Error(`${request.method} ${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
