import { expect, test, vi } from "vitest";
import { change, claim, runTask } from "#testing/store-driver.ts";
import { httpRequest, openGateway, registerDag, textOf } from "../gateway-harness.testsuite.ts";

const retentionMs = 1;

/** A run of one task that has left an output, a file and a line of log. */
async function open() {
  const harness = openGateway();
  const { store, gateway } = harness;
  await registerDag(store, "etl", { tasks: ["a"] });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const attempt = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
  const content = { sizeBytes: 3, sha256: "00ff", mediaType: "text/plain", location: "1/a" };
  await store.artifacts.add({ ...attempt, name: "x.txt", ...content });
  const entries = [{ at: 0, source: "stdout" as const, text: "hello" }];
  await store.logs.append([{ ...attempt, sequence: 1, entries, droppedBytes: 0 }]);
  await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "rows", json: "7" }] });
  const get = async (path: string) => textOf(await gateway.handleHttp(httpRequest("GET", path)));
  const api = async (path: string) => JSON.parse(await get(`/api/v1${path}`)) as Record<string, unknown>;
  const removeAll = (): Promise<void> =>
    vi.waitFor(async () => {
      for (const kind of ["outputs", "artifacts", "logs"] as const) {
        const { runKeys } = await store.retention.listAged({ kind, retentionMs }, { afterKey: 0, limit: 9 });
        await store.retention.remove({ kind, retentionMs }, { runKeys, limit: 9 });
      }
      expect(await store.retention.listRemovals(runKey)).toHaveLength(3);
    });
  return { ...harness, runId, runKey, api, get, removeAll };
}

test("what was removed is said where it would be, and nothing is said before", async () => {
  const { api, get, removeAll, runId } = await open();
  const id = `${runId}__a`;
  expect(await api(`/dagRuns/${runId}/xcom`)).toMatchObject({ removed: "" });
  expect(await api(`/taskInstances/${id}`)).toMatchObject({ xcom_values: { rows: 7 }, xcom_removed: "" });
  expect(await api(`/dagRuns/${runId}/artifacts`)).toMatchObject({ removed: "" });
  await removeAll();
  const removed = "outputs were removed after 1 millisecond (outputs.retention)";
  expect(await api(`/dagRuns/${runId}/xcom`)).toEqual({ xcom: [], removed });
  expect(await api(`/taskInstances/${id}`)).toMatchObject({ xcom_values: {}, xcom_removed: removed });
  expect(await api(`/dagRuns/${runId}/artifacts`)).toMatchObject({
    artifacts: [],
    removed: "artifacts were removed after 1 millisecond (artifacts.retention)",
  });
  expect(await get(`/api/v1/taskInstances/${id}/logs`)).toContain("logs were removed after 1 millisecond");
});

test("a file that is asked for by name was removed", async () => {
  const { gateway, removeAll, runId } = await open();
  await removeAll();
  const asked = gateway.handleHttp(httpRequest("GET", `/api/v1/dagRuns/${runId}/artifacts/x.txt`));
  await expect(asked).rejects.toMatchObject({
    code: "ARTIFACT_NOT_FOUND",
    message: expect.stringMatching(/has no artifact "x.txt"; artifacts were removed after/),
  });
});

test("the page of a task says it, too", async () => {
  const { get, removeAll, runId } = await open();
  const path = `/tasks/${encodeURIComponent(`${runId}__a`)}/logs`;
  const before = await get(path);
  expect(before).toContain('<code class="wrap">7</code>');
  expect(before).toContain(`/api/v1/dagRuns/${encodeURIComponent(runId)}/artifacts/x.txt?task_id=a&amp;attempt=1`);
  await removeAll();
  const after = await get(path);
  for (const kind of ["outputs", "artifacts", "logs"]) expect(after).toContain(`${kind} were removed after`);
});

test("what began after a removal has lost nothing: neither a silent attempt of a rerun, nor what runs now", async () => {
  const { api, get, removeAll, runId, store, runKey } = await open();
  await removeAll();
  const author = { by: "someone", note: "" };
  await change(store, runKey, [{ kind: "clear", ordinals: [0], includeDownstream: false, author }]);
  const fence = await claim(store, runKey, 0);
  await change(store, runKey, [{ kind: "lost", ordinal: 0, fence, free: true }]);
  await claim(store, runKey, 0);
  const id = `${runId}__a`;
  expect(await api(`/taskInstances/${id}`)).toMatchObject({ state: "running", try_number: 2, artifacts_removed: "" });
  expect(await get(`/api/v1/taskInstances/${id}/logs?attempt=1`)).toBe("");
  expect(await get(`/tasks/${encodeURIComponent(id)}/logs?attempt=1`)).not.toContain("were removed after");
});
