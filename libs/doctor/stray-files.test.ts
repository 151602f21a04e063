import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createClockedStore } from "#testing/clocked-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { createListedStore } from "./hasty-check.testsuite.ts";
import { checkStrayFiles } from "./stray-files.ts";

const dayMs = 86_400_000;
const { signal } = new AbortController();

function fileOf(age: number, location = `1/0/1.1/${randomUUID()}`) {
  return { location, modifiedAt: Date.now() - age };
}

it("counts old files that no row knows, and leaves young, noted and strange ones alone", async () => {
  const { store } = createClockedStore(planOfSpec);
  const strays = Array.from({ length: 1200 }, () => fileOf(3 * dayMs));
  const noted = fileOf(3 * dayMs);
  await store.artifacts.expect(noted.location);
  const others = [
    noted,
    fileOf(1.5 * dayMs),
    fileOf(3 * dayMs, "backup/1/0/x"),
    fileOf(3 * dayMs, "1/0/1.1/report.csv"),
  ];
  const artifacts = createListedStore([...others, ...strays]);
  const found = await checkStrayFiles({ store, artifacts }, { after: "", remove: false, signal });
  expect(found).toMatchObject({ findings: [{ check: "files_unknown", count: 1200, outcome: "by_hand" }], next: null });
  expect(found.checkedFiles).toBe(1204);
  expect(await store.retention.listUnlistedFiles(9)).toEqual([]);
});

it("notes them for removal when it is asked to, and finds them no more", async () => {
  const { store } = createClockedStore(planOfSpec);
  const stray = fileOf(3 * dayMs);
  const young = fileOf(dayMs);
  const artifacts = createListedStore([young, stray]);
  const request = { after: "", remove: true, signal };
  const { findings } = await checkStrayFiles({ store, artifacts }, request);
  expect(findings).toMatchObject([{ count: 1, outcome: "repaired" }]);
  expect(await store.retention.listUnlistedFiles(9)).toEqual([{ location: stray.location, failureCount: 0 }]);
  expect(await checkStrayFiles({ store, artifacts }, request)).toMatchObject({ findings: [], checkedFiles: 2 });
});

it("tells where it ran out of time, and sees every file once where it is asked to go on from there", async () => {
  const { store } = createClockedStore(planOfSpec);
  const files = Array.from({ length: 5 }, () => fileOf(3 * dayMs));
  const artifacts = createListedStore(files);
  const lasts: (string | null)[] = [];
  let counted = 0;
  for (let after: string | null = ""; after !== null; after = lasts.at(-1) ?? null) {
    const look = await checkStrayFiles({ store, artifacts, lookMs: 0 }, { after, remove: false, signal });
    counted += look.findings[0]?.count ?? 0;
    lasts.push(look.next);
  }
  expect(lasts).toEqual([...files.map(({ location }) => location), null]);
  expect(counted).toBe(5);
});

it("ends when it is told to", async () => {
  const { store } = createClockedStore(planOfSpec);
  const looked = checkStrayFiles(
    { store, artifacts: createListedStore([fileOf(dayMs)]) },
    { after: "", remove: true, signal: AbortSignal.abort(new Error("stopped")) },
  );
  await expect(looked).rejects.toThrow("stopped");
});
