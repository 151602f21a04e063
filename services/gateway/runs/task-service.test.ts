import { expect, test } from "vitest";
import { runTask } from "#testing/store-driver.ts";
import { httpRequest, openGateway, registerDag, textOf } from "../gateway-harness.testsuite.ts";

test("one task instance shows whole outputs, or as much of each as is asked for", async () => {
  const { store, gateway } = openGateway();
  await registerDag(store, "etl", { tasks: ["a"] });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "rows", json: "[1,2,3]" }] });
  const get = async (query: string): Promise<unknown> =>
    JSON.parse(await textOf(await gateway.handleHttp(httpRequest("GET", `/api/v1/taskInstances/${runId}__a${query}`))));
  expect(await get("")).toMatchObject({ xcom_values: { rows: [1, 2, 3] }, xcom_beginnings: [] });
  expect(await get("?xcom_length=2")).toMatchObject({
    xcom_values: {},
    xcom_beginnings: [{ key: "rows", beginning: "[1", size: 7 }],
  });
  for (const length of [-1, 1001]) {
    await expect(get(`?xcom_length=${length}`)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`must be 0 to 1000, not ${length}`),
    });
  }
});
