import { expect, test } from "vitest";
import { firstExecutor } from "./first-executor.ts";

test.each([1, 2, 3, 5])(
  "workers spread evenly over %i executors, each with the same first one at every start",
  (count) => {
    const workers = Array.from({ length: 1000 }, (_, place) => `worker-${place}`);
    const places = workers.map((workerId) => firstExecutor(workerId, count));
    const shares = Array.from({ length: count }, (_, place) => places.filter((one) => one === place).length);
    for (const share of shares) expect(Math.abs(share - 1000 / count)).toBeLessThan(100);
    expect(workers.map((workerId) => firstExecutor(workerId, count))).toEqual(places);
  },
);
