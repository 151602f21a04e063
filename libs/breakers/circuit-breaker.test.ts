import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import type { BreakerState } from "#ports/breaker-status.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import type { BreakerPolicy } from "./breaker-options.ts";
import { createBreaker } from "./circuit-breaker.ts";

const policy: BreakerPolicy = {
  opens: { failureRatio: 0.5, calls: 4 },
  openMs: 1000,
  longestOpenMs: 3000,
  halfOpen: { failureRatio: 0.5, calls: 3, windowMs: 500 },
  slowCallMs: { closed: 100, halfOpen: 50 },
};

const trouble = new AppError("DATABASE_UNAVAILABLE", "it is away");
const wrong = new AppError("INVALID_ARGUMENT", "the call is wrong");

function open(change: Partial<BreakerPolicy> = {}) {
  const clock = createManualClock();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const logger = createLogger({
    ...{ level: "info", format: "json", component: "test" },
    sink: { write: (line) => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>) },
  });
  const breaker = createBreaker({
    name: "database read",
    policy: { ...policy, ...change },
    isFailure: (error) => error === trouble,
    refuse: (cause, retryInMs) =>
      new AppError("DATABASE_UNAVAILABLE", `held back: ${cause}`, { details: { retry_in_ms: retryInMs } }),
    clock,
    logger,
  });
  const answer = (): Promise<string> => breaker.run(async () => "answer");
  const fail = (error: unknown = trouble): Promise<unknown> =>
    breaker.run(() => Promise.reject(error as Error)).catch((thrown: unknown) => thrown);
  /** A call that the test ends. */
  const hang = () => {
    const call = Promise.withResolvers<string>();
    const result = breaker.run(() => call.promise).catch((thrown: unknown) => thrown);
    return { ...call, result };
  };
  const breakIt = async (): Promise<void> => {
    for (let count = 0; count < 4; count += 1) await fail();
    expect(breaker.status.state).toBe("open");
  };
  return { breaker, clock, lines, answer, fail, hang, breakIt };
}

describe("a closed breaker", () => {
  test("hands on answers and errors as they are", async () => {
    const { answer, fail, breaker } = open();
    expect(await answer()).toBe("answer");
    expect(await fail()).toBe(trouble);
    expect(await fail(wrong)).toBe(wrong);
    const thrower = breaker.run(() => {
      throw wrong;
    });
    await expect(thrower).rejects.toBe(wrong);
  });

  test("opens when the share of the last calls failed, not before there were as many", async () => {
    const { breaker, answer, fail } = open();
    for (const act of [fail, fail, fail]) await act();
    expect(breaker.status.state).toBe("closed");
    await answer();
    await fail();
    expect(breaker.status.state).toBe("open");
    expect(breaker.status.changes).toMatchObject([{ state: "open", cause: expect.stringMatching(/it is away/) }]);
  });

  test("forgets what lies further back than its calls", async () => {
    const { breaker, answer, fail } = open();
    for (const act of [fail, answer, answer, answer, answer, fail, answer, answer, answer, fail]) await act();
    expect(breaker.status.state).toBe("closed");
  });

  test("counts what the called one refused as an answer", async () => {
    const { breaker, fail } = open();
    for (let count = 0; count < 20; count += 1) await fail(wrong);
    expect(breaker.status.state).toBe("closed");
  });

  test("counts a slow call as failed while it is under way, and still hands on its answer", async () => {
    const { breaker, clock, hang } = open();
    const calls = [hang(), hang(), hang(), hang()];
    clock.advance(99);
    await Promise.resolve();
    expect(breaker.status.state).toBe("closed");
    clock.advance(1);
    await expect.poll(() => breaker.status.state).toBe("open");
    for (const { resolve } of calls) resolve("late");
    expect(await Promise.all(calls.map(({ result }) => result))).toEqual(["late", "late", "late", "late"]);
    expect(clock.timerCount()).toBe(0);
  });
});

describe("an open breaker", () => {
  test("refuses at once without a call, with the cause and when it tries again", async () => {
    const { breaker, clock, breakIt } = open();
    await breakIt();
    clock.advance(400);
    let isCalled = false;
    const refused = breaker.run(async () => {
      isCalled = true;
    });
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining("it is away"),
      details: { retry_in_ms: 600 },
    });
    expect(isCalled).toBe(false);
  });

  test("stays open twice as long each time in a row, up to the longest, and begins anew once it was closed", async () => {
    const { breaker, clock, fail, answer, breakIt } = open();
    await breakIt();
    for (const openMs of [1000, 2000, 3000, 3000]) {
      clock.advance(openMs - 1);
      await expect(answer()).rejects.toThrow("held back");
      clock.advance(1);
      await fail();
      await fail();
      expect(breaker.status.state).toBe("open");
    }
    clock.advance(3000);
    for (let count = 0; count < 3; count += 1) await answer();
    expect(breaker.status.state).toBe("closed");
    await breakIt();
    clock.advance(1000);
    expect(await answer()).toBe("answer");
  });

  test("tries at once when something else has seen an answer, that time alone", async () => {
    const { breaker, answer, fail, breakIt } = open();
    await breakIt();
    breaker.tryNow();
    for (const act of [fail, fail]) await act();
    expect(breaker.status.changes.map(({ state }) => state)).toEqual(["open", "half_open", "open"]);
    await expect(answer()).rejects.toThrow("held back");
  });
});

describe("a half-open breaker", () => {
  test("closes when too few of its tries failed, and counts anew", async () => {
    const { breaker, answer, fail, clock, breakIt } = open();
    await breakIt();
    clock.advance(1000);
    for (const act of [answer, fail, answer]) await act();
    expect(breaker.status.state).toBe("closed");
    for (const act of [fail, fail, fail]) await act();
    expect(breaker.status.state).toBe("closed");
  });

  test("lets no more than its tries through at a time; the others wait for the decision", async () => {
    const { breaker, hang, clock, breakIt } = open();
    await breakIt();
    clock.advance(1000);
    let started = 0;
    const tries = [hang(), hang(), hang()];
    const waiting = [1, 2].map(() =>
      breaker.run(async () => {
        started += 1;
        return "after";
      }),
    );
    expect(started).toBe(0);
    for (const { resolve } of tries) resolve("tried");
    expect(await Promise.all(waiting)).toEqual(["after", "after"]);
  });

  test("never holds a waiting call longer than a slow try", async () => {
    const { breaker, hang, clock, breakIt } = open();
    await breakIt();
    clock.advance(1000);
    const tries = [hang(), hang(), hang()];
    const waiting = breaker.run(async () => "after").catch((thrown: unknown) => thrown);
    clock.advance(50);
    expect(await waiting).toMatchObject({ message: expect.stringContaining("no answer within 50 ms") });
    expect(breaker.status.state).toBe("open");
    for (const { resolve } of tries) resolve("late");
  });

  test("closes with the first answer after its window, when fewer calls came than it wants", async () => {
    const { breaker, answer, clock, breakIt } = open();
    await breakIt();
    clock.advance(1000);
    await answer();
    clock.advance(499);
    await answer();
    expect(breaker.status.state).toBe("half_open");
    clock.advance(1);
    await answer();
    expect(breaker.status.changes.at(-1)).toMatchObject({ state: "closed", cause: "2 of 2 tries were answered" });
  });

  test("is not opened by calls that began before it", async () => {
    const { breaker, hang, answer, clock, breakIt } = open();
    const old = [hang(), hang(), hang(), hang(), hang()];
    await breakIt();
    clock.advance(60);
    breaker.tryNow();
    await answer();
    for (const { reject } of old) reject(trouble);
    expect(await Promise.all(old.map(({ result }) => result))).toEqual([trouble, trouble, trouble, trouble, trouble]);
    expect(breaker.status.state).toBe("half_open");
    for (const act of [answer, answer]) await act();
    expect(breaker.status.state).toBe("closed");
  });
});

describe("changes", () => {
  test("are told, logged and kept, the last 50 of them", async () => {
    const { breaker, answer, clock, lines, breakIt } = open();
    const told: BreakerState[] = [];
    const end = breaker.onChange(({ state }) => void told.push(state));
    for (let round = 0; round < 20; round += 1) {
      await breakIt();
      clock.advance(1000);
      for (let count = 0; count < 3; count += 1) await answer();
    }
    expect(told).toHaveLength(60);
    expect(lines).toHaveLength(60);
    expect(lines[0]).toMatchObject({ level: "warn", breaker: "database read", cause: expect.any(String) });
    expect(breaker.status.changes).toHaveLength(50);
    expect(breaker.status.changes.at(-1)?.state).toBe("closed");
    end();
    await breakIt();
    expect(told).toHaveLength(60);
  });
});

/** What the breaker must do, said without cockatiel: one call after the other. */
function createModel() {
  let state: BreakerState = "closed";
  let window: boolean[] = [];
  let tries: boolean[] = [];
  let changedAt = 0;
  let openMs = 0;
  const turn = (next: BreakerState, now: number): void => {
    if (next === "open") openMs = state === "closed" ? policy.openMs : Math.min(openMs * 2, policy.longestOpenMs);
    state = next;
    changedAt = now;
    window = [];
    tries = [];
  };
  const shareOf = (outcomes: readonly boolean[]): number => outcomes.filter((ok) => !ok).length / outcomes.length;
  const closeAfterWindow = (now: number): void => {
    if (state !== "half_open" || now - changedAt < policy.halfOpen.windowMs) return;
    if (tries.includes(true) && shareOf(tries) < policy.halfOpen.failureRatio) turn("closed", now);
  };
  return {
    state: () => state,
    /** Answers whether the call is made. */
    call: (ok: boolean, now: number): boolean => {
      closeAfterWindow(now);
      if (state === "open" && now - changedAt < openMs) return false;
      if (state === "open") turn("half_open", now);
      if (state === "closed") {
        window = [...window, ok].slice(-policy.opens.calls);
        if (!ok && window.length === policy.opens.calls && shareOf(window) >= policy.opens.failureRatio)
          turn("open", now);
        return true;
      }
      tries.push(ok);
      const failures = tries.filter((one) => !one).length;
      if (failures / policy.halfOpen.calls >= policy.halfOpen.failureRatio) turn("open", now);
      else if (tries.length === policy.halfOpen.calls) turn("closed", now);
      else closeAfterWindow(now);
      return true;
    },
  };
}

test("a breaker does what the table says, whatever calls come when", async () => {
  const ok = fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, { arbitrary: fc.constant(true), weight: 2 });
  const step = fc.record({ ok, waitMs: fc.constantFrom(0, 0, 0, 0, 0, 1, 250, 500, 1000, 2500) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const { breaker, clock } = open();
      const model = createModel();
      for (const { ok, waitMs } of steps) {
        clock.advance(waitMs);
        const isExpected = model.call(ok, clock.now());
        let isCalled = false;
        await breaker
          .run(() => {
            isCalled = true;
            return ok ? Promise.resolve() : Promise.reject(trouble);
          })
          .catch(() => undefined);
        expect([isCalled, breaker.status.state]).toEqual([isExpected, model.state()]);
      }
    }),
    { numRuns: 500 },
  );
});
