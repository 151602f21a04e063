import { describe, expect, test } from "vitest";
import { toProgressChange } from "./event-change.ts";

const runId = "demo__2026-01-31T02:00:00Z__00000000";

describe("toProgressChange", () => {
  test.each([
    ["task_instance.queued", {}, { state: "queued" }],
    ["task_instance.running", { try_number: 2 }, { state: "running", tryNumber: 2 }],
    ["task_instance.success", {}, { state: "success" }],
    ["task_instance.failed", { reason: "timed_out" }, { state: "failed", reason: "timed_out" }],
    ["task_instance.retry", { delay_ms: 500, error: "boom" }, { state: "up_for_retry", dueAt: 1500, error: "boom" }],
    ["task_instance.skipped", { state: "skipped", reason: "cancelled" }, { state: "skipped", reason: "cancelled" }],
    ["task_instance.skipped", { state: "upstream_failed" }, { state: "upstream_failed" }],
    ["task_instance.skipped", { state: "removed" }, { state: "removed" }],
  ])("%s %j", (eventType, data, expected) => {
    const event = { eventType, resourceId: `${runId}__a__b`, at: 1000, data: { task_id: "a__b", ...data } };
    expect(toProgressChange(event, runId)).toMatchObject({
      kind: "task",
      taskId: "a__b",
      itemKey: null,
      at: 1000,
      ...expected,
    });
  });

  test("an item of a fan-out is told from its group by the id", () => {
    const event = {
      eventType: "task_instance.running",
      resourceId: `${runId}__each__key-7`,
      at: 1,
      data: { task_id: "each" },
    };
    expect(toProgressChange(event, runId)).toMatchObject({ taskId: "each", itemKey: "key-7" });
  });

  test.each([
    ["dag_run.created", {}, { state: null, ended: false }],
    ["dag_run.running", {}, { state: "running", ended: false }],
    ["dag_run.cancelled", {}, { state: "cancelled", ended: false }],
    ["dag_run.paused", { is_paused: true }, { state: null, ended: false }],
    ["dag_run.ended", { state: "failed" }, { state: "failed", ended: true }],
  ])("%s %j", (eventType, data, expected) => {
    expect(toProgressChange({ eventType, resourceId: runId, at: 1, data }, runId)).toEqual({
      kind: "run",
      at: 1,
      ...expected,
    });
  });

  test.each(["xcom.created", "task_instance.unheard_of", "worker.connected"])("%s changes nothing", (eventType) => {
    expect(toProgressChange({ eventType, resourceId: "x", at: 1, data: { task_id: "a" } }, runId)).toBeNull();
  });
});
