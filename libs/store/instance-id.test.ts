import { expect, it } from "vitest";
import { readInstanceId } from "./instance-id.ts";

it("reads the run's id and what stands behind it", () => {
  expect(readInstanceId("etl__2026-01-01T00:00:00Z__0a1b2c3d__load")).toEqual([
    { runId: "etl__2026-01-01T00:00:00Z__0a1b2c3d", rest: "load" },
  ]);
});

it("offers every reading where parts look like the end of a run's id", () => {
  expect(readInstanceId("a__deadbeef__cafebabe__t")).toEqual([
    { runId: "a__deadbeef", rest: "cafebabe__t" },
    { runId: "a__deadbeef__cafebabe", rest: "t" },
  ]);
});

it("finds nothing in other text", () => {
  for (const text of ["", "a__b", "a__deadbeef", "a__deadbeef__", "a__DEADBEEF__t"])
    expect(readInstanceId(text)).toEqual([]);
});
