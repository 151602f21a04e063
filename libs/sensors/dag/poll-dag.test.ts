import { expect, test } from "vitest";
import type { DagSensor } from "#definition/schema/sensor-definition.ts";
import type { EndedRun } from "#ports/sensor-views.ts";
import { basis, TestSensor } from "../look-harness.testsuite.ts";

const minute = 60_000;
const sensorOf = (changes: Partial<DagSensor> = {}): DagSensor => ({
  ...{ ...basis, type: "dag", dagId: "other", states: ["success"], delayMs: 0 },
  ...changes,
});

/** A sensor over runs that end when the test says; those that fired are left out, as the store leaves them out. */
function open(changes: Partial<DagSensor> = {}) {
  const runs: EndedRun[] = [];
  const fired = new Set<string>();
  const sensor = new TestSensor(sensorOf(changes), {
    listEndedRuns: ({ from, to, limit }) => {
      const found = runs.filter(({ runId, endedAt }) => endedAt >= from && endedAt <= to && !fired.has(runId));
      return Promise.resolve(found.toSorted((a, b) => a.endedAt - b.endedAt).slice(0, limit));
    },
  });
  const end = (runId: string, endedAt = sensor.now): void => {
    runs.push({ runId, state: "success", logicalAt: 0, endedAt });
  };
  const poll = async (): Promise<readonly string[]> => {
    const ids = (await sensor.fired()).map((data) => String(data["dag_run_id"]));
    for (const id of ids) fired.add(id);
    return ids;
  };
  return { sensor, end, poll };
}

test("runs that end after the first look fire once each", async () => {
  const { sensor, end, poll } = open();
  end("before");
  expect(await poll()).toEqual([]);
  sensor.now += minute;
  end("a");
  end("b", sensor.now - 5);
  expect(await poll()).toEqual(["b", "a"]);
  sensor.now += minute;
  expect(await poll()).toEqual([]);
});

test("a run whose end shows late, or comes with the clock of another machine, is not passed by", async () => {
  const { sensor, end, poll } = open();
  await poll();
  for (let look = 0; look < 30; look += 1) {
    sensor.now += minute;
    await poll();
  }
  end("late", sensor.now - 2 * minute);
  expect(await poll()).toEqual(["late"]);
});

test("after the delay, and not before", async () => {
  const { sensor, end, poll } = open({ delayMs: 10 * minute });
  await poll();
  sensor.now += minute;
  end("a");
  sensor.now += 10 * minute - 1;
  expect(await poll()).toEqual([]);
  sensor.now += 1;
  expect(await poll()).toEqual(["a"]);
});

test("more runs than one look may take wait for the next one", async () => {
  const { sensor, end, poll } = open({ batchSize: 2 });
  await poll();
  sensor.now += minute;
  for (const id of ["a", "b", "c", "d", "e"]) end(id);
  expect([await poll(), await poll(), await poll()]).toEqual([["a", "b"], ["c", "d"], ["e"]]);
});
