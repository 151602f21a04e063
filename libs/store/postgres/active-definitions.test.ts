import { expect, onTestFinished, test } from "vitest";
import { newVersion } from "#testing/dag-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";

const of = (id: string) => newVersion("etl", { spec: { tasks: [{ id }] } });

test("a definition that was read is kept, and what another process changes is seen at once", async () => {
  const harness = await openPostgresHarness();
  onTestFinished(() => harness.close());
  const { definitions } = harness.store;
  const others = (await harness.openAnother()).definitions;
  expect(await definitions.getActive("etl")).toBeNull();

  await others.register(of("a"));
  const first = await definitions.getActive("etl");
  expect(first).toMatchObject({ version: 1, isPaused: false, definition: { tasks: [{ id: "a" }] } });
  await others.setPaused("etl", true);
  const again = await definitions.getActive("etl");
  expect(again).toEqual({ ...first, isPaused: true });
  expect(again?.definition).toBe(first?.definition);

  await others.register(of("b"));
  const second = await definitions.getActive("etl");
  expect(second).toMatchObject({ version: 2, definition: { tasks: [{ id: "b" }] } });
  expect(await definitions.getActive("etl")).toEqual(second);
  await others.archiveFile("etl.yaml");
  expect(await definitions.getActive("etl")).toEqual({ ...second, isActive: false });
});
