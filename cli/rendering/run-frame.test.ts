import { describe, expect, test } from "vitest";
import { type ProgressChange, RunProgress } from "../follow/run-progress.ts";
import { createPaint } from "./paint.ts";
import { renderChangeLine, renderLogLine, renderSummary } from "./progress-line.ts";
import { renderRunFrame } from "./run-frame.ts";
import { displayWidth } from "./terminal-text.ts";

const start = Date.UTC(2026, 0, 31, 2);
const plain = createPaint(false);

describe("renderRunFrame", () => {
  test("shows the tree with icons, words, durations, attempts, joins and the tail of active logs", () => {
    const progress = diamond();
    progress.apply(runChange({ state: "running" }));
    progress.apply(taskChange({ taskId: "extract", state: "running" }));
    progress.apply(taskChange({ taskId: "extract", state: "success", at: start + 1500 }));
    progress.apply(taskChange({ taskId: "left", state: "running", tryNumber: 2, at: start + 2000 }));
    progress.addLines("left", ["one", "two", "three", "\u001b[31mfour\u001b[0m"]);
    progress.apply(
      taskChange({
        taskId: "right",
        state: "up_for_retry",
        dueAt: start + 34_000,
        error: "exited with code 3",
        at: start + 2000,
      }),
    );
    expect(frame(progress, { now: start + 4000, width: 80, height: 20 })).toEqual([
      "⠋ demo  run-1  running  4.0 s",
      "extract  ✓ success         1.5 s",
      "├─ left  ⠋ running         2.0 s, attempt 2",
      "│    ┆ two",
      "│    ┆ three",
      "│    ┆ four",
      "├─ right ↻ up_for_retry    next in 30.0 s, exited with code 3",
      "└─ load  ◌ none            after left + right",
      "━━━━━─────────────── 1/4  1 none · 1 running · 1 up_for_retry · 1 success",
      "Ctrl-C cancels",
    ]);
  });

  test("no line is wider than the terminal, whatever the task prints", () => {
    const progress = diamond();
    progress.apply(taskChange({ taskId: "left", state: "running" }));
    progress.addLines("left", ["日本".repeat(100), "x".repeat(1000)]);
    for (const width of [10, 24, 40]) {
      for (const line of frame(progress, { now: start, width, height: 20 }))
        expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  test("a graph that does not fit shows what runs and what failed", () => {
    const tasks = Array.from({ length: 500 }, (_, index) => ({ id: `t${index}`, parents: [] }));
    const progress = new RunProgress({ dagId: "wide", runId: "run-1", queuedAt: start }, tasks);
    for (let index = 0; index < 480; index += 1) progress.apply(taskChange({ taskId: `t${index}`, state: "success" }));
    progress.apply(taskChange({ taskId: "t490", state: "running" }));
    progress.apply(taskChange({ taskId: "t7", state: "failed" }));
    const lines = frame(progress, { now: start, width: 80, height: 10 });
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines.some((line) => line.startsWith("t7 "))).toBe(true);
    expect(lines.some((line) => line.startsWith("t490"))).toBe(true);
    expect(lines.at(-2)).toContain("480/500");
  });
});

describe("plain lines", () => {
  test("one for each change, with what people need to know", () => {
    const progress = diamond();
    const changes: ProgressChange[] = [
      runChange({ state: "running" }),
      taskChange({ taskId: "extract", state: "running", tryNumber: 1 }),
      taskChange({
        taskId: "extract",
        state: "up_for_retry",
        dueAt: start + 1400,
        error: "exited with code 1",
        at: start + 400,
      }),
      taskChange({ taskId: "extract", state: "running", tryNumber: 2, at: start + 1400 }),
      taskChange({
        taskId: "extract",
        state: "failed",
        error: "exited with code 1",
        reason: "max_retries_exceeded",
        at: start + 1500,
      }),
      runChange({ state: "failed", at: start + 1500 }),
      runChange({ state: null, ended: true, at: start + 1500 }),
    ];
    const lines = changes.map((change) => {
      progress.apply(change);
      return renderChangeLine(progress, change, plain);
    });
    expect(lines).toEqual([
      "02:00:00.000 ◐ run run-1 running",
      "02:00:00.000 ◐ extract running",
      "02:00:00.400 ↻ extract up_for_retry: next in 1.0 s, exited with code 1",
      "02:00:01.400 ◐ extract running: attempt 2",
      "02:00:01.500 ✗ extract failed: 100 ms, max_retries_exceeded, exited with code 1",
      "02:00:01.500 ✗ run run-1 failed",
      null,
    ]);
    expect(renderSummary(progress, { paint: plain, withTails: false })).toEqual([
      "✗ failed demo run-1 in 1.5 s: 3 none, 1 failed",
      "  ✗ extract: exited with code 1",
    ]);
  });

  test("log lines carry their task and no escape sequences", () => {
    expect(renderLogLine({ taskId: "a", source: "stdout", text: "\u001b[2Jhi", paint: plain })).toBe("a | hi");
  });
});

function frame(progress: RunProgress, size: { now: number; width: number; height: number }): readonly string[] {
  return renderRunFrame(progress, { ...size, paint: plain, hint: "Ctrl-C cancels" });
}

function diamond(): RunProgress {
  return new RunProgress({ dagId: "demo", runId: "run-1", queuedAt: start }, [
    { id: "extract", parents: [] },
    { id: "left", parents: ["extract"] },
    { id: "right", parents: ["extract"] },
    { id: "load", parents: ["left", "right"] },
  ]);
}

function taskChange(change: Partial<Extract<ProgressChange, { kind: "task" }>> & { taskId: string }): ProgressChange {
  return {
    kind: "task",
    itemKey: null,
    itemsTotal: null,
    instanceId: "i",
    state: "running",
    reason: null,
    tryNumber: null,
    dueAt: null,
    error: null,
    at: start,
    ...change,
  };
}

function runChange(change: Partial<Extract<ProgressChange, { kind: "run" }>>): ProgressChange {
  return { kind: "run", state: null, ended: false, at: start, ...change };
}
