import { describe, expect, test } from "vitest";
import { fromInstanceRow, type InstanceRow } from "./instance-row.ts";

const row: InstanceRow = {
  run_key: 1,
  ordinal: 0,
  task_index: 0,
  map_index: null,
  item_key: null,
  state: "queued",
  reason: null,
  generation: 1,
  fence: 0,
  try_number: 0,
  infra_tries: 0,
  free_tries: 0,
  in_degree: 0,
  parents_success: 0,
  parents_failed: 0,
  parents_upstream_failed: 0,
  parents_skipped: 0,
  exempt_parents: 0,
  exempt: false,
  held: false,
  held_fence: 0,
  awaits_evaluation: false,
  due_at: null,
  waits_for: null,
  queued_at: 0,
  first_started_at: null,
  started_at: null,
  ended_at: null,
  worker_key: null,
  last_error: null,
  items_total: 0,
  items_ended: 0,
  items_failed: 0,
};

describe("the parents of instances that were read", () => {
  test("are one object where the same number of them succeeded", () => {
    const [first, second, other] = [2, 2, 3].map((parents_success) => fromInstanceRow({ ...row, parents_success }));
    expect(first?.parents).toBe(second?.parents);
    expect(other?.parents).toEqual({ success: 3, failed: 0, upstreamFailed: 0, skipped: 0 });
  });

  test.each([
    { parents_success: 100, parents_failed: 0, parents_upstream_failed: 0, parents_skipped: 0 },
    { parents_success: 1, parents_failed: 2, parents_upstream_failed: 0, parents_skipped: 0 },
    { parents_success: 1, parents_failed: 0, parents_upstream_failed: 3, parents_skipped: 0 },
    { parents_success: 1, parents_failed: 0, parents_upstream_failed: 0, parents_skipped: 4 },
  ])("are as the row has them: %j", (counts) => {
    expect(fromInstanceRow({ ...row, ...counts }).parents).toEqual({
      success: counts.parents_success,
      failed: counts.parents_failed,
      upstreamFailed: counts.parents_upstream_failed,
      skipped: counts.parents_skipped,
    });
  });
});
