import { describe, expect, test } from "vitest";
import { createPaint } from "../rendering/paint.ts";
import type { Terminal } from "../terminal.ts";
import { followRun } from "./follow-run.ts";
import { createPlainPresenter } from "./presenters.ts";
import type { FeedAttempt, RunFeed } from "./run-feed.ts";
import type { ProgressChange } from "./run-progress.ts";

describe("followRun", () => {
  test("prints changes and logs in order and ends with the run", async () => {
    const output: string[] = [];
    const changes = [task("a", "running"), task("a", "success"), run("success", false), run(null, true)];
    const progress = await followRun({
      feed: feedOf(changes, { a: ["hello", "world"] }),
      presenter: createPlainPresenter(terminalTo(output)),
      withLogs: true,
      signal: new AbortController().signal,
    });
    expect(progress.state).toBe("success");
    expect(progress.endedAt).toBe(1);
    const text = output.join("");
    expect(text.split("\n").filter((line) => line.startsWith("a | "))).toEqual(["a | hello", "a | world"]);
    expect(text.trimEnd().split("\n").at(-1)).toBe("✓ success demo run-1 in 1 ms: 1 success");
  });

  test("reads at most 16 logs at once and all of them in the end", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `t${index}`);
    const changes = [...names.map((name) => task(name, "running")), run(null, true)];
    let open = 0;
    let most = 0;
    const seen: string[] = [];
    const listed = Promise.withResolvers<void>();
    const allListed = listed.promise;
    const feed: RunFeed = {
      ...feedOf(changes, {}),
      async *changes() {
        yield changes;
        listed.resolve();
      },
      async *logs({ taskId }: FeedAttempt) {
        open += 1;
        most = Math.max(most, open);
        await allListed;
        yield [{ source: "stdout", text: taskId }];
        open -= 1;
        seen.push(taskId);
      },
    };
    await followRun({
      feed,
      presenter: createPlainPresenter(terminalTo([])),
      withLogs: true,
      signal: new AbortController().signal,
    });
    expect(most).toBe(16);
    expect(seen.toSorted()).toEqual(names.toSorted());
  });

  test("a log that can't be read is said in its place and harms nothing", async () => {
    const output: string[] = [];
    const feed: RunFeed = {
      ...feedOf([task("a", "running"), run("success", false), run(null, true)], {}),
      logs: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("gone")) }) }),
    };
    const progress = await followRun({
      feed,
      presenter: createPlainPresenter(terminalTo(output)),
      withLogs: true,
      signal: new AbortController().signal,
    });
    expect(progress.state).toBe("success");
    expect(output.join("")).toContain("a | its log can't be read: gone");
  });
});

function feedOf(changes: readonly ProgressChange[], logs: Readonly<Record<string, readonly string[]>>): RunFeed {
  const ids = [...new Set(changes.flatMap((change) => (change.kind === "task" ? [change.taskId] : [])))];
  return {
    maxConcurrentLogs: 16,
    describe: () =>
      Promise.resolve({
        identity: { dagId: "demo", runId: "run-1", queuedAt: 0 },
        tasks: ids.map((id) => ({ id, parents: [] })),
      }),
    async *changes() {
      for (const change of changes) yield [change];
    },
    async *logs({ taskId }) {
      for (const text of logs[taskId] ?? []) yield [{ source: "stdout", text }];
    },
  };
}

function task(taskId: string, state: "running" | "success"): ProgressChange {
  const times = { at: state === "running" ? 0 : 1, dueAt: null };
  return {
    kind: "task",
    taskId,
    itemKey: null,
    itemsTotal: null,
    instanceId: taskId,
    state,
    reason: null,
    tryNumber: 1,
    error: null,
    ...times,
  };
}

function run(state: "success" | null, ended: boolean): ProgressChange {
  return { kind: "run", state, ended, at: 1 };
}

function terminalTo(output: string[]): Terminal {
  const paint = createPaint(false);
  return {
    write: (text) => void output.push(text),
    writeError: () => undefined,
    isInteractive: false,
    hasStatusLine: false,
    paint,
    paintError: paint,
    columns: () => 80,
    rows: () => 24,
  };
}
