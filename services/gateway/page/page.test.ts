import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { change, claim, failure, runTask } from "#testing/store-driver.ts";
import { httpRequest, openGateway, registerDag, textOf } from "../gateway-harness.testsuite.ts";

const hostile = `"><img src=x onerror=alert(1)> & '</script>`;

async function open() {
  const harness = openGateway();
  const get = async (path: string) => {
    const response = await harness.gateway.handleHttp(httpRequest("GET", path, { headers: { accept: "text/html" } }));
    return { ...response, text: await textOf(response) };
  };
  const post = (
    path: string,
    form: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) => harness.gateway.handleHttp(httpRequest("POST", path, { body: new URLSearchParams(form).toString(), headers }));
  return { ...harness, get, post };
}

/** A DAG with hostile texts and a run of it that failed. */
async function openHostile() {
  const harness = await open();
  const { store } = harness;
  const parameters = { name: { type: "string" as const, required: false, default: hostile, description: hostile } };
  const changes = { description: hostile, owner: hostile, tags: [hostile], parameters };
  await registerDag(store, "etl", { tasks: ["a", "b<a"], changes });
  const problem = { file: "f", line: 1, column: 1, code: "X", message: hostile, hint: hostile, warning: false };
  await store.definitions.recordImportError(`${hostile}.yaml`, "h", [problem]);
  await harness.post("/dags/etl/trigger", { "parameter.name": hostile, note: hostile });
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const entries = [{ at: 0, source: "stderr" as const, text: hostile }];
  await store.logs.append([{ runKey, ordinal: 0, generation: 1, tryNumber: 1, sequence: 1, entries, droppedBytes: 0 }]);
  await runTask(store, runKey, 0, failure({ message: hostile }));
  return { ...harness, runId };
}

describe("the page", () => {
  test("teaches the next step while there are no DAGs", async () => {
    const { get } = await open();
    expect((await get("/")).text).toContain("No DAGs yet.");
  });

  test("shows DAGs, a DAG, a run and a log, each state with icon, color and word", async () => {
    const { get, runId } = await openHostile();
    const home = await get("/");
    expect(home.status).toBe(200);
    expect(home.text).toContain('<span class="state red"><i aria-hidden="true">✕</i>failed</span>');
    expect(home.text).toContain('href="/dags/etl"');
    const dag = await get("/dags/etl");
    expect(dag.text).toContain(`href="/dags/etl/runs/${encodeURIComponent(runId)}"`);
    const run = await get(`/dags/etl/runs/${encodeURIComponent(runId)}`);
    expect(run.text).toContain("upstream failed");
    expect(run.text).toContain("1 of 1");
    const log = await get(`/tasks/${encodeURIComponent(`${runId}__a`)}/logs`);
    expect(log.text).toContain('<span class="stderr">&quot;&gt;&lt;img');
  });

  test("says of which end a hook is, and nothing of tags where there are none", async () => {
    const { store, get } = await open();
    await registerDag(store, "etl", { tasks: ["load", "load.on_failure<load", ".on_success"] });
    const { text } = await get("/dags/etl");
    expect(text).toContain("load has failed");
    expect(text).toContain("the run has succeeded");
    expect(text.match(/all_success/g)).toHaveLength(1);
    expect(text).not.toContain("<dt>tags</dt>");
  });

  test("escapes every text that comes from outside", async () => {
    const { get, runId } = await openHostile();
    for (const path of [
      "/",
      "/dags/etl",
      `/dags/etl/runs/${runId}`,
      `/tasks/${runId}__a/logs`,
      `/dags/${encodeURIComponent(hostile)}`,
    ]) {
      const { text } = await get(path);
      expect(text).not.toContain("<img");
      expect(text.match(/<script>/g)).toHaveLength(1);
      expect(text.match(/<\/script>/g)).toHaveLength(1);
      expect(text).toContain("&lt;img src=x onerror");
    }
  });

  test("allows its own style and script by hash, and nothing else", async () => {
    const { get } = await open();
    const { text, headers } = await get("/");
    const policy = headers["content-security-policy"] ?? "";
    for (const element of ["style", "script"]) {
      const content = new RegExp(`<${element}>(.*)</${element}>`, "s").exec(text)?.[1] ?? "";
      const hash = createHash("sha256").update(content).digest("base64");
      expect(policy).toContain(`${element}-src 'sha256-${hash}'`);
    }
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(text).not.toMatch(/ on[a-z]+="/);
    expect(text).not.toMatch(/ style="/);
  });

  test("says what an error is and what to do", async () => {
    const { get } = await open();
    const missing = await get("/dags/nope");
    expect(missing.status).toBe(404);
    expect(missing.text).toContain("DAG_NOT_FOUND");
    expect(missing.text).toContain("millrace dags list");
    expect(await get("/nowhere")).toMatchObject({
      status: 404,
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  });

  test("follows the events of what it shows while that can change, and reloads without JavaScript", async () => {
    const { store, get, post, runId } = await openHostile();
    expect((await get("/")).text).toContain('data-events="?"');
    expect((await get("/dags/etl")).text).toContain('data-events="?dag_id=etl"');
    expect((await get(`/dags/etl/runs/${runId}`)).text).not.toContain("data-events");
    await post("/dags/etl/trigger");
    const latest = await get("/dags/etl/runs/latest");
    expect(latest.text).toContain('data-events="?dag_run_id=');
    expect(latest.text).toContain('http-equiv="refresh"');
    const newest = (await store.queries.latestRunId("etl")) ?? "";
    await claim(store, (await store.runs.findRunKey(newest)) ?? 0, 0);
    expect((await get(`/tasks/${newest}__a/logs`)).text).toMatch(
      /data-log="[^"]+follow=true&amp;attempt=1" data-after="0"/,
    );
  });
});

describe("why a task waits", () => {
  const entry = (taskId: string, text: string) => `href="/tasks/${taskId}/logs">${text}</a>`;

  test("stands in its run and on its own page, with links to what holds it, as long as it waits", async () => {
    const { store, get, post } = await open();
    await registerDag(store, "etl", { tasks: ["a", "b<a"] });
    await post("/dags/etl/trigger");
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    const id = encodeURIComponent(`${runId}__a`);
    const waits = `<div class="wrap" data-waits><div>waits for <a ${entry(id, "a (queued)")}</div></div>`;
    const run = await get(`/dags/etl/runs/${runId}`);
    expect(run.text).toContain("no live worker takes queue default: no worker is connected");
    expect(run.text).toContain(waits);
    const task = await get(`/tasks/${runId}__b/logs`);
    expect(task.text).toContain(waits);
    expect(task.text).toContain('<pre class="log" tabindex="0" id="log" data-live>');
    expect(task.text).toContain(`data-events="?dag_run_id=${encodeURIComponent(runId)}"`);
    await runTask(store, runKey, 0, failure({}));
    const after = await get(`/tasks/${runId}__b/logs`);
    expect(after.text).toContain(`it never ran: <a ${entry(id, "a (failed)")}`);
    for (const { text } of [after, await get(`/dags/etl/runs/${runId}`)]) {
      expect(text).not.toContain("data-waits>");
      expect(text).not.toContain("data-events");
    }
  });

  test("leads to a run by its id alone", async () => {
    const { store, get, post } = await open();
    await registerDag(store, "etl");
    await post("/dags/etl/trigger");
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    const location = `/dags/etl/runs/${encodeURIComponent(runId)}`;
    expect(await get(`/runs/${runId}`)).toMatchObject({ status: 303, headers: { location } });
    expect(await get("/runs/none")).toMatchObject({ status: 404 });
  });
});

describe("the page's forms", () => {
  test("trigger with the parameters that were filled in, by their types", async () => {
    const { store, post } = await open();
    const parameters = {
      name: { type: "string" as const, required: false },
      count: { type: "integer" as const, required: false, default: 3 },
      fast: { type: "boolean" as const, required: false },
      list: { type: "array" as const, required: false },
      wrong: { type: "number" as const, required: false },
    };
    await registerDag(store, "etl", { changes: { parameters } });
    const form = {
      "parameter.name": "7",
      "parameter.count": "",
      "parameter.fast": "true",
      "parameter.list": "[1]",
      "parameter.wrong": "x",
      note: "n",
    };
    const answer = await post("/dags/etl/trigger", form, {
      origin: "http://h:1",
      host: "h:1",
      "sec-fetch-site": "same-origin",
    });
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    expect(answer).toMatchObject({ status: 303, headers: { location: `/dags/etl/runs/${encodeURIComponent(runId)}` } });
    expect(await store.queries.getRun(runId)).toMatchObject({
      note: "n",
      parameters: { name: "7", fast: true, list: [1], wrong: "x" },
    });
  });

  test("pause, resume and cancel", async () => {
    const { store, post, get } = await open();
    await registerDag(store, "etl");
    expect(await post("/dags/etl/pause", { is_paused: "true" })).toMatchObject({
      status: 303,
      headers: { location: "/dags/etl" },
    });
    expect((await get("/")).text).toContain(">Resume</button>");
    await post("/dags/etl/trigger");
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    expect(await post(`/dags/etl/runs/${runId}/cancel`)).toMatchObject({ status: 303 });
    expect((await store.queries.getRun(runId))?.state).toBe("cancelled");
    expect(await post("/dags/etl/pause", { is_paused: "perhaps" })).toMatchObject({ status: 400 });
    expect(await post("/dags/nope/trigger")).toMatchObject({ status: 404 });
  });

  test("are refused when another site's page sends them", async () => {
    const { store, post, asked } = await open();
    await registerDag(store, "etl");
    for (const headers of [
      { origin: "http://evil", host: "h:1" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      await expect(post("/dags/etl/trigger", {}, headers as Record<string, string>)).rejects.toMatchObject({
        code: "CROSS_SITE_REFUSED",
      });
    }
    expect(asked).toEqual([]);
  });

  test("show a long log in part, with the way to the whole", async () => {
    const { store, get, post } = await open();
    await registerDag(store, "etl");
    await post("/dags/etl/trigger");
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    const entries = Array.from({ length: 2_500 }, (_, i) => ({ at: 0, source: "stdout" as const, text: `line ${i}.` }));
    await store.logs.append([
      { runKey, ordinal: 0, generation: 1, tryNumber: 1, sequence: 1, entries, droppedBytes: 0 },
    ]);
    const fence = await claim(store, runKey, 0);
    await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence, outcome: { kind: "success", outputs: [] } }]);
    const { text } = await get(`/tasks/${runId}__only/logs`);
    expect(text).toContain("line 1999.");
    expect(text).not.toContain("line 2000.");
    expect(text).toContain("the whole log");
  });
});
