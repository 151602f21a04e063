import { describe, expect, test } from "vitest";
import { createPaint } from "../rendering/paint.ts";
import { renderSummary } from "../rendering/progress-line.ts";
import { renderRunFrame } from "../rendering/run-frame.ts";
import { type ProgressChange, RunProgress } from "./run-progress.ts";

const paint = createPaint(false);

describe("a fan-out in a live view", () => {
  test("is one row with the number of items that ended, and the last lines of any of them", () => {
    const progress = fannedOut(3);
    progress.apply(change({ state: "running", itemKey: "eu" }));
    progress.apply(change({ state: "running" }));
    progress.addLines("each[eu]", ["reading"]);
    progress.apply(change({ state: "success", itemKey: "eu" }));
    progress.apply(change({ state: "failed", itemKey: "us", error: "exited with code 3" }));
    const frame = renderRunFrame(progress, { now: 2000, width: 80, height: 10, paint, hint: "" });
    expect(frame.slice(1, 3)).toEqual(["each ⠋ running         2.0 s, 2/3 items, 1 failed", "  ┆ [eu] reading"]);
    expect(progress.total).toBe(1);
  });

  test("that failed names the first item that did, with its cause", () => {
    const progress = fannedOut(2);
    progress.apply(change({ state: "failed", itemKey: "us", error: "exited with code 3" }));
    progress.apply(change({ state: "success", itemKey: "eu" }));
    progress.apply(change({ state: "failed", error: "1 of 2 items failed" }));
    expect(renderSummary(progress, { paint, withTails: false })[1]).toBe(
      "  ✗ each: 1 of 2 items failed: [us] exited with code 3",
    );
  });

  test("counts an item once, whatever happens to it again, and begins anew with each life", () => {
    const progress = fannedOut(2);
    for (const state of ["up_for_retry", "running", "failed", "success"] as const)
      progress.apply(change({ state, itemKey: "a" }));
    expect(progress.task("each").items).toEqual({ total: 2, ended: 1, failed: 0 });
    progress.apply(change({ state: "queued", itemsTotal: 5 }));
    expect(progress.task("each").items).toEqual({ total: 5, ended: 0, failed: 0 });
  });
});

function fannedOut(itemsTotal: number): RunProgress {
  const progress = new RunProgress({ dagId: "demo", runId: "run-1", queuedAt: 0 }, [{ id: "each", parents: [] }]);
  progress.apply(change({ state: "queued", itemsTotal }));
  return progress;
}

function change(given: Partial<Extract<ProgressChange, { kind: "task" }>>): ProgressChange {
  return {
    kind: "task",
    taskId: "each",
    itemKey: null,
    itemsTotal: null,
    instanceId: "i",
    state: "running",
    reason: null,
    tryNumber: null,
    dueAt: null,
    error: null,
    at: 0,
    ...given,
  };
}
