import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Next, runChain } from "./chain.ts";
import { concurrencyLimit } from "./concurrency-limit.ts";
import { logging } from "./logging.ts";
import { metrics, type TaskMeasurement } from "./metrics.ts";
import { recovery } from "./recovery.ts";
import { retry } from "./retry.ts";
import { timeout } from "./timeout.ts";
import { TimeoutError } from "./timeout-error.ts";
import { type SpanLike, type TracerLike, tracing } from "./tracing.ts";

/** As much of a context as the shipped middlewares use. */
interface Context {
  readonly taskId: string;
  readonly executionId: string;
  readonly tryNumber: number;
  readonly signal: AbortSignal;
  readonly logger: { info(...line: readonly unknown[]): void; error(...line: readonly unknown[]): void };
  readonly next: Next;
  setResult(value: unknown): void;
}

interface Call {
  readonly signal?: AbortSignal;
  readonly lines?: unknown[];
  readonly results?: unknown[];
}

function run(
  middleware: (context: Context) => unknown,
  handler: (context: Context) => unknown,
  { signal = new AbortController().signal, lines = [], results = [] }: Call = {},
): Promise<unknown> {
  const chain = runChain<Context>({
    middlewares: [middleware],
    handler,
    contextFor: (next, options) => ({
      taskId: "a",
      executionId: "e",
      tryNumber: 1,
      signal: options.signal ?? signal,
      logger: { info: (...line) => lines.push(["info", ...line]), error: (...line) => lines.push(["error", ...line]) },
      next,
      setResult: (value) => results.push(value),
    }),
    subject: 'task "a"',
  });
  return Promise.resolve(chain);
}

const skip = (): never => {
  throw Object.assign(new Error("nothing new"), { name: "SkipTask" });
};
const fail = (): never => {
  throw new Error("broken");
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

/** Whatever a middleware did, no timer of it is left. */
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers are left`);
});

describe("recovery", () => {
  test("makes errors of what is none, and leaves errors as they are", async () => {
    const text: unknown = "text";
    await expect(
      run(recovery(), () => {
        throw text;
      }),
    ).rejects.toMatchObject({
      message: 'task "a" threw string text, which is no error',
      cause: "text",
    });
    await expect(run(recovery(), fail)).rejects.toThrow("broken");
  });

  test("lets the task succeed with what it is given instead, or fail anew", async () => {
    const results: unknown[] = [];
    await run(
      recovery((error) => `instead of ${error.message}`),
      fail,
      { results },
    );
    expect(results).toEqual(["instead of broken"]);
    await expect(run(recovery(skip), fail)).rejects.toThrow("nothing new");
  });

  test("recovers neither a skip nor the reason of an abort", async () => {
    await expect(
      run(
        recovery(() => 1),
        skip,
      ),
    ).rejects.toThrow("nothing new");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(
      run(
        recovery(() => 1),
        () => signal.throwIfAborted(),
        { signal },
      ),
    ).rejects.toThrow("enough");
  });
});

describe("logging", () => {
  test.each<[string, () => unknown, string, string]>([
    ["succeeded", () => 1, "info", "task succeeded"],
    ["failed", fail, "error", "task failed"],
    ["skipped", skip, "info", "task skipped"],
  ])("writes that a task has %s, with its duration", async (_, handler, level, message) => {
    const lines: unknown[] = [];
    await run(logging(), handler, { lines }).catch(() => undefined);
    expect(lines).toEqual([
      ["info", "task started"],
      [level, message, expect.objectContaining({ durationMs: expect.any(Number) })],
    ]);
  });
});

describe("metrics", () => {
  test("gives each measurement to the function", async () => {
    const measured: TaskMeasurement[] = [];
    for (const handler of [() => 1, fail, skip]) {
      await run(
        metrics((measurement) => measured.push(measurement)),
        handler,
      ).catch(() => undefined);
    }
    expect(measured.map(({ taskId, outcome }) => [taskId, outcome])).toEqual([
      ["a", "success"],
      ["a", "failed"],
      ["a", "skipped"],
    ]);
  });

  test("records seconds with a meter, in one histogram", async () => {
    const created: unknown[] = [];
    const recorded: unknown[] = [];
    const meter = {
      createHistogram: (name: string, { unit }: { unit: string }) => {
        created.push([name, unit]);
        return { record: (value: number, attributes: object) => void recorded.push([value, attributes]) };
      },
    };
    const measuring = metrics(meter);
    await run(measuring, () => 1);
    await run(measuring, () => 1);
    expect(created).toEqual([["millrace.task.duration", "s"]]);
    expect(recorded).toEqual([
      [expect.any(Number), { task: "a", outcome: "success" }],
      [expect.any(Number), { task: "a", outcome: "success" }],
    ]);
  });
});

describe("tracing", () => {
  const key = Symbol.for("opentelemetry.js.api.1");
  const registry = globalThis as unknown as Record<symbol, unknown>;

  function recordingTracer(lines: unknown[]): TracerLike {
    const span: SpanLike = {
      setAttribute: (name, value) => lines.push([name, value]),
      recordException: (error) => void lines.push(["exception", error.message]),
      setStatus: (status) => lines.push(["status", status]),
      end: () => void lines.push("end"),
    };
    return {
      startActiveSpan: (name, { attributes }, act) => {
        lines.push([name, attributes["millrace.execution.id"], attributes["millrace.task.try"]]);
        return act(span);
      },
    };
  }

  test("puts a span around the task, with its error", async () => {
    const lines: unknown[] = [];
    await run(tracing(recordingTracer(lines)), () => 1);
    await expect(run(tracing(recordingTracer(lines)), fail)).rejects.toThrow("broken");
    await expect(run(tracing(recordingTracer(lines)), skip)).rejects.toThrow("nothing new");
    expect(lines).toEqual([
      ["task a", "e", 1],
      "end",
      ["task a", "e", 1],
      ["exception", "broken"],
      ["status", { code: 2, message: "broken" }],
      "end",
      ["task a", "e", 1],
      ["millrace.task.skipped", true],
      "end",
    ]);
  });

  test("takes the tracer that is registered with OpenTelemetry, and passes while there is none", async () => {
    const lines: unknown[] = [];
    const middleware = tracing();
    await run(middleware, () => lines.push("bare"));
    registry[key] = { trace: { getTracer: () => recordingTracer(lines) } };
    try {
      await run(middleware, () => lines.push("traced"));
    } finally {
      delete registry[key];
    }
    expect(lines).toEqual(["bare", ["task a", "e", 1], "traced", "end"]);
  });
});

describe("retry", () => {
  test("runs what is below it again, after delays that grow", async () => {
    const at: number[] = [];
    const end = run(retry({ maxRetries: 2, delayMs: 100 }), () => {
      at.push(Date.now());
      if (at.length < 3) fail();
    });
    await vi.advanceTimersByTimeAsync(99);
    expect(at).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(at).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(at).toHaveLength(3);
    await end;
  });

  test("throws the last error, and repeats neither a skip nor what retryIf refuses", async () => {
    let calls = 0;
    const counted = (act: () => unknown) => () => {
      calls += 1;
      return act();
    };
    await expect(run(retry({ maxRetries: 2 }), counted(fail))).rejects.toThrow("broken");
    expect(calls).toBe(3);
    await expect(run(retry({ maxRetries: 2 }), counted(skip))).rejects.toThrow("nothing new");
    await expect(run(retry({ maxRetries: 2, retryIf: () => false }), counted(fail))).rejects.toThrow("broken");
    expect(calls).toBe(5);
  });

  test("ends its delay at the abort with the error that led to it", async () => {
    const stop = new AbortController();
    const end = run(retry({ maxRetries: 9, delayMs: 60_000 }), fail, { signal: stop.signal });
    await setImmediate();
    stop.abort();
    await expect(end).rejects.toThrow("broken");
  });

  test("refuses what makes no sense by its name", () => {
    expect(() => retry({ maxRetries: 1.5, delayMs: -1 })).toThrow(/maxRetries is 1.5.*delayMs is -1/);
  });
});

describe("timeout", () => {
  test("aborts the signal below and does not wait for what ignores it", async () => {
    const seen: AbortSignal[] = [];
    const end = run(timeout(50), ({ signal }) => {
      seen.push(signal);
      return new Promise(() => undefined);
    });
    const failure = end.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(50);
    expect(await failure).toMatchObject({ name: "TimeoutError", scope: "middleware", timeoutMs: 50 });
    expect(seen[0]?.reason).toBeInstanceOf(TimeoutError);
  });

  test("hands an abort from above on, and is no matter in time", async () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    await run(
      timeout(50),
      ({ signal }) => {
        stop.abort("from above");
        seen.push(signal.reason);
      },
      { signal: stop.signal },
    );
    expect(seen).toEqual(["from above"]);
    await run(timeout(Infinity), ({ signal }) => expect(signal).toBe(stop.signal), { signal: stop.signal });
  });

  test.each([0, -1, Number.NaN, 2 ** 31])("refuses %d", (timeoutMs) => {
    expect(() => timeout(timeoutMs)).toThrow("timeoutMs is");
  });
});

describe("concurrencyLimit", () => {
  test("lets so many through at once, in the order of arrival, also after failures", async () => {
    const limit = concurrencyLimit(2);
    const order: number[] = [];
    let atWork = 0;
    let most = 0;
    const ends = Array.from({ length: 7 }, (_, place) =>
      run(limit, async () => {
        order.push(place);
        atWork += 1;
        most = Math.max(most, atWork);
        await setImmediate();
        atWork -= 1;
        if (place % 2 === 0) fail();
      }).catch(() => undefined),
    );
    await Promise.all(ends);
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("an abort ends the wait, and the slot goes to the next", async () => {
    const limit = concurrencyLimit(1);
    const gate = Promise.withResolvers<void>();
    const stop = new AbortController();
    const first = run(limit, () => gate.promise);
    const second = run(limit, () => expect.fail("started"), { signal: stop.signal });
    const third = run(limit, () => "done");
    stop.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    gate.resolve();
    await Promise.all([first, third]);
    await run(limit, () => "free again");
  });

  test("refuses a limit of 0", () => {
    expect(() => concurrencyLimit(0)).toThrow("limit is 0");
  });
});
