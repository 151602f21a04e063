import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildRetryPolicy } from "#testing/plan-builder.ts";
import { buildFailure, RunDriver } from "#testing/run-driver.ts";
import type { RetryPolicy } from "./plan.ts";
import { computeBackoffMs, decideRetry, type RetryDecision, retriesUsed } from "./retry-decision.ts";
import type { AttemptFailure } from "./run-event.ts";
import type { Instance } from "./run-model.ts";

const now = 1_000_000_000;
const blank = new RunDriver([{ id: "a" }]).get("a");

/** An instance that has made `tries` attempts. */
function tried(tries: number, more: Partial<Instance> = {}): Instance {
  return { ...blank, tryNumber: tries, firstStartedAt: now - 1000, ...more };
}

function decide(policy: Partial<RetryPolicy>, failure: Partial<AttemptFailure>, instance = tried(1)): RetryDecision {
  return decideRetry(buildRetryPolicy({ maxRetries: 3, ...policy }), instance, buildFailure(failure), now);
}

describe("the delay", () => {
  test.each([
    [0, 30_000],
    [1, 60_000],
    [2, 120_000],
    [3, 240_000],
    [4, 300_000],
    [5, 300_000],
    [2000, 300_000],
  ])("after %i retries is %i ms in the middle, a tenth less or more at the ends", (used, middle) => {
    const policy = buildRetryPolicy();
    expect(computeBackoffMs(policy, used, 0.5)).toBe(middle);
    expect(computeBackoffMs(policy, used, 0)).toBe(middle * 0.9);
    expect(computeBackoffMs(policy, used, 1)).toBe(middle * 1.1);
  });

  test("is a whole number of milliseconds within the jitter of min(delay × multiplierⁿ, max)", () => {
    const policies = fc.record({
      delayMs: fc.integer({ min: 1, max: 600_000 }),
      backoffMultiplier: fc.double({ min: 1, max: 10, noNaN: true }),
      maxDelayMs: fc.integer({ min: 1, max: 3_600_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(policies, fc.nat(1200), fc.double({ min: 0, max: 1, noNaN: true }), (given, used, random) => {
        const delay = computeBackoffMs(buildRetryPolicy(given), used, random);
        const middle = Math.min(given.delayMs * given.backoffMultiplier ** used, given.maxDelayMs);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(middle * (1 - given.jitter)));
        expect(delay).toBeLessThanOrEqual(Math.ceil(middle * (1 + given.jitter)));
      }),
    );
  });

  test("grows with the retries used and never falls", () => {
    const delays = Array.from({ length: 10 }, (_, used) =>
      computeBackoffMs(buildRetryPolicy({ jitter: 0 }), used, 0.3),
    );
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  });

  test("is at least what the other side asked for", () => {
    expect(decide({}, { retryAfterMs: 500_000 })).toMatchObject({ retry: true, delayMs: 500_000 });
    expect(decide({}, { retryAfterMs: 5 })).toMatchObject({ retry: true, delayMs: 30_000 });
  });

  test("does not overflow when there is no delay at all", () => {
    expect(computeBackoffMs(buildRetryPolicy({ delayMs: 0 }), 2000, 0.5)).toBe(0);
  });
});

describe("the cause decides", () => {
  const policy = { noRetryExitCodes: [125, 126, 127] };

  test.each<[cause: string, failure: Partial<AttemptFailure>, retry: boolean, reason: string]>([
    ["exit code 1", { exitCode: 1 }, true, "retriable_exit_code"],
    ["exit code 255", { exitCode: 255 }, true, "retriable_exit_code"],
    ["exit code 125", { exitCode: 125 }, false, "no_retry_exit_code"],
    ["exit code 126", { exitCode: 126 }, false, "no_retry_exit_code"],
    ["exit code 127", { exitCode: 127 }, false, "no_retry_exit_code"],
    ["its timeout", { code: "timeout", exitCode: null }, true, "timeout"],
    ["a connection error", { code: "connection", exitCode: null }, true, "connection"],
    ["SIGKILL", { code: "signal", exitCode: null, signal: "SIGKILL" }, true, "signal"],
    ["out of memory", { code: "out_of_memory", exitCode: null, signal: "SIGKILL" }, true, "out_of_memory"],
    ["a missing file", { code: "not_found", exitCode: 127 }, false, "not_found"],
    ["no permission", { code: "permission_denied", exitCode: 126 }, false, "permission_denied"],
    ["a syntax error", { code: "syntax" }, false, "syntax"],
    ["a configuration error", { code: "configuration", exitCode: null }, false, "configuration"],
    ["a template that can't be rendered", { code: "render_failed", exitCode: null }, false, "render_failed"],
    ["outputs beyond the limit", { code: "invalid_output", exitCode: null }, false, "invalid_output"],
    ["a stop that a person asked for", { code: "killed", signal: "SIGTERM" }, false, "killed"],
  ])("%s", (_, failure, retry, reason) => {
    expect(decide(policy, failure)).toMatchObject({ retry, reason });
  });

  test("out of memory is tried again once", () => {
    const failure = { code: "out_of_memory", exitCode: null };
    expect(decide({}, failure, tried(2))).toEqual({ retry: false, reason: "out_of_memory" });
  });

  test("an explicit list of exit codes is exclusive", () => {
    const explicit = { retryExitCodes: [2, 126] };
    expect(decide(explicit, { exitCode: 2 })).toMatchObject({ retry: true, reason: "retriable_exit_code" });
    expect(decide(explicit, { exitCode: 126 })).toMatchObject({ retry: true });
    expect(decide(explicit, { exitCode: 1 })).toEqual({ retry: false, reason: "no_retry_exit_code" });
    expect(decide(explicit, { code: "timeout", exitCode: null })).toMatchObject({ retry: true, reason: "timeout" });
  });

  test("the operator's own word comes before the cause, but not before the allowance", () => {
    expect(decide({}, { code: "not_found", retryable: true })).toMatchObject({ retry: true, reason: "not_found" });
    expect(decide({}, { code: "connection", retryable: false })).toEqual({ retry: false, reason: "connection" });
    expect(decide({ maxRetries: 0 }, { retryable: true })).toEqual({ retry: false, reason: "max_retries_exceeded" });
  });

  test("a task that is not idempotent is never tried again", () => {
    const codes = ["exit_code", "timeout", "interrupted", "connection", "out_of_memory"];
    for (const code of codes)
      expect(decide({ idempotent: false }, { code })).toEqual({ retry: false, reason: "not_idempotent" });
  });

  test("a stop by drain is tried again at once and costs nothing, however many retries are used", () => {
    const expected = { retry: true, reason: "interrupted", delayMs: 0, free: true };
    expect(decide({ maxRetries: 0 }, { code: "interrupted", signal: "SIGTERM" }, tried(9))).toEqual(expected);
  });
});

describe("the allowance", () => {
  test("counts attempts after the first, without losses and free ones", () => {
    expect(retriesUsed(tried(0))).toBe(0);
    expect(retriesUsed(tried(1))).toBe(0);
    expect(retriesUsed(tried(4))).toBe(3);
    expect(retriesUsed(tried(4, { infraTries: 1, freeTries: 1 }))).toBe(1);
    expect(retriesUsed(tried(2, { infraTries: 1, freeTries: 1 }))).toBe(0);
  });

  test("ends after exactly max_retries retries, whatever losses and free tries came between", () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.nat(5), fc.nat(5), (maxRetries, used, infraTries, freeTries) => {
        const instance = tried(1 + used + infraTries + freeTries, { infraTries, freeTries });
        const decision = decide({ maxRetries }, {}, instance);
        const over = { retry: false, reason: "max_retries_exceeded" };
        if (used >= maxRetries) expect(decision).toEqual(over);
        else
          expect(decision).toMatchObject({ retry: true, free: false, delayMs: Math.min(30_000 * 2 ** used, 300_000) });
      }),
    );
  });
});

describe("retry_timeout", () => {
  const limit = { retryTimeoutMs: 100_000, jitter: 0 };

  test.each([
    [69_999, true],
    [70_000, false],
    [70_001, false],
    [500_000, false],
  ])("a first attempt %i ms ago and a delay of 30 s within 100 s: %s", (age, retry) => {
    const decision = decide(limit, {}, tried(1, { firstStartedAt: now - age }));
    expect(decision.retry).toBe(retry);
    expect(decision.reason).toBe(retry ? "retriable_exit_code" : "retry_timeout");
  });

  test("counts the delay that the other side asked for", () => {
    expect(decide(limit, { retryAfterMs: 99_000 })).toEqual({ retry: false, reason: "retry_timeout" });
    expect(decide(limit, { retryAfterMs: 98_999 })).toMatchObject({ retry: true });
  });
});
