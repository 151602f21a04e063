import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition } from "#definition/model.ts";
import { registerDefinition } from "./scheduler-harness.testsuite.ts";
import { fileSensor, sensorRuns } from "./sensor-harness.testsuite.ts";
import { anyFates, lookWithFates, openSensorWorld, type SensorWorld } from "./sensor-world.testsuite.ts";

const openWorld = (changes: object = {}, settings: Partial<Definition> = {}): Promise<SensorWorld> =>
  openSensorWorld((folder) => fileSensor(folder, changes), { settings });

const pathsOf = async ({ store }: SensorWorld): Promise<readonly unknown[]> =>
  (await sensorRuns(store, "etl")).map((sensor) => sensor["name"]);

test("the first look finds out what is there; a file that comes later makes one run with what was seen", async () => {
  const world = await openWorld();
  writeFileSync(join(world.folder, "old.csv"), "1");
  await world.look();
  writeFileSync(join(world.folder, "new.csv"), "12");
  for (let count = 0; count < 4; count += 1) await world.look();
  expect(await sensorRuns(world.store, "etl")).toEqual([
    {
      id: "inbox",
      type: "file",
      event: "file_created",
      path: join(world.folder, "new.csv"),
      name: "new.csv",
      size: 2,
      modified_at: expect.stringMatching(/^\d{4}-.*Z$/),
      checksum: "sha256:6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918",
    },
  ]);
  const { items } = await world.store.queries.listRuns(
    { limit: 1, cursor: null, sort: null },
    { dagId: "etl", states: [] },
  );
  expect(items).toMatchObject([{ runType: "sensor", triggeredBy: "sensor inbox", externalTriggerId: "inbox" }]);
});

test("a file that goes and comes again fires again; one that stays does not", async () => {
  const world = await openWorld();
  const path = join(world.folder, "a.csv");
  await world.look();
  for (let round = 0; round < 2; round += 1) {
    writeFileSync(path, "x");
    await world.look();
    await world.look();
    rmSync(path);
    await world.look();
  }
  expect(await pathsOf(world)).toEqual(["a.csv", "a.csv"]);
});

test("more files than one look may take are taken by the next ones, at once", async () => {
  const world = await openWorld({ batchSize: 2 });
  await world.look();
  for (const name of ["a", "b", "c", "d", "e"]) writeFileSync(join(world.folder, `${name}.csv`), "x");
  await world.look();
  await world.look();
  expect(await pathsOf(world)).toEqual(["a.csv", "b.csv"]);
  expect((await world.view())?.nextPollAt).toBeLessThan(world.store.now());
  await world.look();
  await world.look();
  expect(await pathsOf(world)).toEqual(["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]);
});

describe("an event of which no run can be made", () => {
  const needy: Partial<Definition> = { parameters: { region: { type: "string", required: true } } };

  test("is told, waits, and fires once the definition takes it", async () => {
    const world = await openWorld({}, needy);
    await world.look();
    writeFileSync(join(world.folder, "a.csv"), "x");
    for (let count = 0; count < 3; count += 1) await world.look();
    expect((await world.view())?.error).toMatch(/^no run can be made of a\.csv: .*`region` is required/);
    expect(await pathsOf(world)).toEqual([]);
    await registerDefinition(world.store, emptyDefinition("etl", { sensors: [fileSensor(world.folder)] }));
    await world.look();
    expect(await pathsOf(world)).toEqual(["a.csv"]);
    expect((await world.view())?.error).toBe("");
  });
});

test("a folder that is not there slows the sensor down, and is told", async () => {
  const world = await openWorld({ directory: "/nowhere/at/all" });
  const factors: (number | undefined)[] = [];
  for (let count = 0; count < 5; count += 1) {
    await world.look();
    factors.push((await world.view())?.factor);
  }
  expect(factors).toEqual([2, 4, 8, 8, 8]);
  expect(await world.view()).toMatchObject({
    error: "there is no folder /nowhere/at/all where the scheduler runs",
    hasBaseline: false,
  });
});

test("however leaders die or come late, each file makes exactly one run", async () => {
  await fc.assert(
    fc.asyncProperty(anyFates(20), fc.integer({ min: 1, max: 4 }), async (fates, batchSize) => {
      const world = await openWorld({ batchSize });
      await world.look();
      const names = ["a.csv", "b.csv", "c.csv", "d.csv"];
      for (const name of names) writeFileSync(join(world.folder, name), "x");
      await lookWithFates(world, fates, 40);
      expect((await pathsOf(world)).map(String).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(names);
      expect((await world.view())?.itemCount).toBe(names.length);
    }),
    { numRuns: 40 },
  );
}, 120_000);
