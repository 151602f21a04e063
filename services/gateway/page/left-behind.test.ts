import { expect, test } from "vitest";
import { runTask } from "#testing/store-driver.ts";
import { httpRequest, openGateway, registerDag, textOf } from "../gateway-harness.testsuite.ts";

const hostile = `"><img src=x onerror=alert(1)>`;

async function open() {
  const harness = openGateway();
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
