import { expect, onTestFinished, test, vi } from "vitest";
import type { Store } from "#ports/store.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { change, runTask } from "#testing/store-driver.ts";
import { httpRequest, memoryStore, openGateway, registerDag, textOf, toPlan } from "../gateway-harness.testsuite.ts";

const hostile = `"><img src=x onerror=alert(1)>`;

async function open(ofStore: Store = memoryStore()) {
  const harness = openGateway(ofStore);
  const { store, gateway } = harness;
  await registerDag(store, "etl", { tasks: ["a", "b<a"] });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const page = async (task: string) => {
    const path = `/tasks/${encodeURIComponent(`${runId}__${task}`)}/logs`;
    return textOf(await gateway.handleHttp(httpRequest("GET", path)));
  };
  return { store, runId, runKey, page };
}

/** Every task waits for its items. */
function storeOfFanOuts(): Store {
  const store = createMemoryStore({
    toPlan(definition) {
      const plan = toPlan(definition);
      return { ...plan, tasks: plan.tasks.map((task) => ({ ...task, evaluated: true })) };
    },
  });
  onTestFinished(() => store.close());
  return store;
}

test("a task that left nothing is told how it could", async () => {
  const { page } = await open();
  const text = await page("a");
  expect(text).toContain("to the file <code>$MILLRACE_OUTPUT</code>");
  expect(text).toContain("writing them to <code>$MILLRACE_ARTIFACTS</code>");
});

test("outputs of the task and of those before it are shown, long ones cut, and nothing of them is markup", async () => {
  const { page, store, runKey } = await open();
  const long = "x".repeat(1000);
  const outputs = [
    { key: hostile, json: JSON.stringify(hostile) },
    { key: "long", json: JSON.stringify(long) },
  ];
  await runTask(store, runKey, 0, { kind: "success", outputs });
  for (const text of [await page("a"), await page("b")]) {
    expect(text).not.toContain("<img");
    expect(text).toContain("&lt;img src=x onerror");
    expect(text).toContain("1002 bytes");
    expect(text).toContain("x".repeat(199));
    expect(text).not.toContain("x".repeat(200));
  }
  expect(await page("b")).toContain("<h2>Outputs of the tasks before it</h2>");
  expect(await page("a")).not.toContain("<h2>Outputs of the tasks before it</h2>");
});

test("no whole outputs are read for the page, and of many only the first", async () => {
  const { page, store, runKey } = await open();
  const outputs = Array.from({ length: 101 }, (_, at) => ({ key: `k${String(at).padStart(3, "0")}`, json: "1" }));
  await runTask(store, runKey, 0, { kind: "success", outputs });
  const whole = vi.spyOn(store.queries, "listOutputs");
  for (const text of [await page("a"), await page("b")]) {
    expect(text).toContain("k099");
    expect(text).not.toContain("k100");
    expect(text).toContain("At most 100 are shown");
  }
  expect(whole).not.toHaveBeenCalled();
});

test("an item of a fan-out shows its own files, and says how many there are besides", async () => {
  const { page, store, runKey } = await open(storeOfFanOuts());
  const items = Array.from({ length: 101 }, (_, at) => ({ key: `i${at}` }));
  await change(store, runKey, [{ kind: "evaluated", ordinal: 0, generation: 1, result: { kind: "fan_out", items } }]);
  const content = { sizeBytes: 1, sha256: "00ff", mediaType: "text/plain", location: "1/a" };
  const firstItem = 2;
  for (const at of items.keys())
    await store.artifacts.add({
      ...{ runKey, ordinal: firstItem + at, generation: 1, tryNumber: 1 },
      ...content,
      name: `f${at}`,
    });
  for (let at = 0; at < 102; at += 1)
    await store.artifacts.add({
      ...{ runKey, ordinal: firstItem, generation: 1, tryNumber: 1 },
      ...content,
      name: `own${at}`,
    });
  const last = await page("a__i100");
  expect(last).toContain("f100?task_id=a&amp;attempt=1&amp;map_index=100");
  expect(last).not.toContain("/f99?");
  expect(last).not.toContain("more in the");
  expect(await page("a__i0")).toContain("… and 3 more in the");
});

test("files are links to downloads, of the newest attempt, by whatever name", async () => {
  const { page, store, runKey, runId } = await open();
  const content = { sizeBytes: 1536, sha256: "00ff", mediaType: "text/html", location: "1/a" };
  const name = `reports/${hostile}.html`;
  for (const tryNumber of [1, 2])
    await store.artifacts.add({ runKey, ordinal: 0, generation: 1, tryNumber, name, ...content });
  const text = await page("a");
  expect(text).not.toContain("<img");
  expect(text).toContain("1.5 KiB");
  const href = `/api/v1/dagRuns/${encodeURIComponent(runId)}/artifacts/${encodeURIComponent(name)}?task_id=a&amp;attempt=2`;
  expect(text).toContain(`href="${href}" download`);
  expect(await page("b")).toContain("$MILLRACE_ARTIFACTS");
});
