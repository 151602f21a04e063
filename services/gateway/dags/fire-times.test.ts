import { describe, expect, test } from "vitest";
import type { ScheduleDefinition } from "#definition/schema/schedule-definition.ts";
import type { Definition } from "#definition/model.ts";
import { startSchedule } from "#schedule/schedule-start.ts";
import { newVersion } from "#testing/dag-builder.ts";
import { httpRequest, memoryStore, openGateway, textOf } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

const newYork: ScheduleDefinition = { text: "30 1,2 * * *", timezone: "America/New_York" };

async function open(schedule: ScheduleDefinition | null, timezone = "UTC") {
  const { store, gateway } = openGateway(memoryStore());
  const definition = { id: "etl", timezone, schedule, tasks: [], parameters: {} } as Partial<Definition>;
  const row = schedule === null ? null : startSchedule(schedule, store.now());
  await store.definitions.register(newVersion("etl", { definition, schedule: row }));
  const get = async (query: string, dagId = "etl"): Promise<{ status: number; json: Json }> => {
    const response = await gateway.handleHttp(httpRequest("GET", `/api/v1/dags/${dagId}/next${query}`));
    return { status: response.status, json: JSON.parse(await textOf(response)) as Json };
  };
  return { store, get };
}

describe("GET /api/v1/dags/{dag_id}/next", () => {
  test("tells the times from a time on, in UTC and in the schedule's zone, with what is special", async () => {
    const { get } = await open(newYork);
    expect(await get("?from=2026-03-08T06:30:00Z&limit=3")).toEqual({
      status: 200,
      json: {
        dag_id: "etl",
        schedule_interval: "30 1,2 * * *",
        timezone: "America/New_York",
        is_paused: false,
        fire_times: [
          { at: "2026-03-08T06:30:00.000Z", local: "2026-03-08T01:30:00-05:00", note: null },
          { at: "2026-03-08T07:30:00.000Z", local: "2026-03-08T03:30:00-04:00", note: "gap" },
          { at: "2026-03-09T05:30:00.000Z", local: "2026-03-09T01:30:00-04:00", note: null },
        ],
      },
    });
  });

  test("tells ten from now on unless asked otherwise, also of a paused definition", async () => {
    const { store, get } = await open(newYork);
    await store.definitions.setPaused("etl", true);
    const { json } = await get("");
    const times = (json["fire_times"] as readonly Json[]).map(({ at }) => Date.parse(String(at)));
    expect(json["is_paused"]).toBe(true);
    expect(times).toHaveLength(10);
    expect(times[0]).toBeGreaterThanOrEqual(store.now() - 1000);
  });

  test.each([null, { text: "@continuous", timezone: "UTC" }])(
    "a definition with the schedule %j has none",
    async (schedule) => {
      const { get } = await open(schedule, "Asia/Tokyo");
      expect(await get("")).toMatchObject({ status: 200, json: { fire_times: [] } });
    },
  );

  test("refuses what it can't answer", async () => {
    const { get } = await open(newYork);
    const refused = { code: "INVALID_ARGUMENT", details: { field: "limit" } };
    await expect(get("?limit=1001")).rejects.toMatchObject(refused);
    await expect(get("?limit=-1")).rejects.toMatchObject(refused);
    await expect(get("?from=soon")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(get("", "elt")).rejects.toMatchObject({ code: "DAG_NOT_FOUND" });
  });
});
