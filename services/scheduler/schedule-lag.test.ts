import { expect, test } from "vitest";
import { createScheduleLag } from "./schedule-lag.ts";
import { silentLogger } from "./scheduler-harness.testsuite.ts";

const open = () => createScheduleLag(silentLogger);

test("tells how long the schedule waits whose turn came first", () => {
  const lag = open();
  lag.note({ epoch: 1, now: 0, turnAt: null });
  lag.note({ epoch: 1, now: 5000, turnAt: 4200 });
  expect([lag.lagMs, lag.problem]).toEqual([800, null]);
  lag.note({ epoch: 1, now: 6000, turnAt: null });
  expect(lag.lagMs).toBe(0);
});

test("what came due while nobody led is no sign of being slow", () => {
  const lag = open();
  lag.note({ epoch: 1, now: 3_600_000, turnAt: 0 });
  expect([lag.lagMs, lag.problem]).toEqual([0, null]);
  lag.note({ epoch: 1, now: 3_611_000, turnAt: 0 });
  expect(lag.problem).toBe("schedules come 11s late");
  lag.note({ epoch: 2, now: 3_612_000, turnAt: 0 });
  expect(lag.problem).toBeNull();
});

test("says that it can't keep up from 10 s on, until half of that", () => {
  const lag = open();
  const problems = [0, 10_000, 10_001, 60_000, 5001, 5000, 9000].map((late) => {
    lag.note({ epoch: 1, now: late, turnAt: 0 });
    return lag.problem;
  });
  expect(problems).toEqual([
    null,
    null,
    "schedules come 10s late",
    "schedules come 1m late",
    "schedules come 5s late",
    null,
    null,
  ]);
});
