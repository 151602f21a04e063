import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FileTrigger } from "#definition/schema/sensor-words.ts";
import type { SeenFile } from "./list-files.ts";
import { rememberFiles, stepFiles } from "./step-files.ts";

const stabilizationMs = 100;

/** A folder that is looked at; what is stable is taken as fired, as the store would have it. */
class Folder {
  readonly #sensor: { readonly trigger: FileTrigger; readonly minSize: number; readonly stabilizationMs: number };
  state: Map<string, unknown>;
  stableAt: number | null = null;

  constructor(files: readonly SeenFile[], trigger: FileTrigger = "file_created", minSize = 0) {
    this.#sensor = { trigger, minSize, stabilizationMs };
    this.state = new Map(rememberFiles(files));
  }

  look(now: number, ...files: readonly SeenFile[]): readonly string[] {
    const { stable, put, drop, stableAt } = stepFiles(this.#sensor, { state: this.state, files, now });
    this.stableAt = stableAt;
    for (const path of drop) this.state.delete(path);
    for (const [path, value] of put) this.state.set(path, value);
    for (const { path, kind, file } of stable) {
      if (kind === "deleted") this.state.delete(path);
      else this.state.set(path, file);
    }
    return stable.map(({ path, kind }) => `${kind} ${path}`);
  }
}

const file = (path: string, size = 1, mtimeMs = 0): SeenFile => ({ path, size, mtimeMs });

describe("created", () => {
  test("once, after it stayed as it is for long enough, and says when that will be", () => {
    const folder = new Folder([file("old")]);
    expect(folder.look(0, file("old"), file("a"))).toEqual([]);
    expect(folder.stableAt).toBe(100);
    expect(folder.look(99, file("old"), file("a"))).toEqual([]);
    expect(folder.look(100, file("old"), file("a"))).toEqual(["created a"]);
    expect(folder.look(500, file("old"), file("a"))).toEqual([]);
    expect(folder.stableAt).toBeNull();
  });

  test("a file that still grows waits; one that changes later, or goes, fires nothing", () => {
    const folder = new Folder([]);
    for (let size = 1; size < 5; size += 1) expect(folder.look(size * 60, file("a", size))).toEqual([]);
    expect(folder.look(340, file("a", 4))).toEqual(["created a"]);
    expect(folder.look(400, file("a", 9))).toEqual([]);
    expect(folder.look(600, file("a", 9))).toEqual([]);
    expect(folder.look(700)).toEqual([]);
    expect(folder.state.size).toBe(0);
  });

  test("a file is not there before it has its least size", () => {
    const folder = new Folder([], "file_created", 10);
    expect([folder.look(0, file("a", 9)), folder.look(200, file("a", 9)), folder.look(300, file("a", 10))]).toEqual([
      [],
      [],
      [],
    ]);
    expect(folder.look(400, file("a", 10))).toEqual(["created a"]);
  });
});

test("modified: when another size or time is stable; what is new is not", () => {
  const folder = new Folder([file("a")], "file_modified");
  expect(folder.look(0, file("a", 2), file("b"))).toEqual([]);
  expect(folder.look(100, file("a", 2), file("b"))).toEqual(["modified a"]);
  expect(folder.look(200, file("a", 2), file("b", 1, 5))).toEqual([]);
  expect(folder.look(300, file("a", 2), file("b", 1, 5))).toEqual(["modified b"]);
});

test("deleted: when it stays away; one that comes back in time is the same", () => {
  const folder = new Folder([file("a"), file("b")], "file_deleted");
  expect(folder.look(0, file("b"))).toEqual([]);
  expect(folder.look(50, file("a"))).toEqual([]);
  expect(folder.look(140, file("a"))).toEqual([]);
  expect(folder.look(150, file("a"))).toEqual(["deleted b"]);
  expect(folder.look(999, file("a"))).toEqual([]);
});

test("whatever happens in a folder, a file that comes and stays fires once, however often it is looked at", () => {
  const look = fc.record({
    pause: fc.integer({ min: 1, max: 80 }),
    there: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 30 }), (looks) => {
      const folder = new Folder([]);
      const since = new Map<string, number>();
      const fired = new Set<string>();
      let now = 0;
      for (const { pause, there } of looks) {
        now += pause;
        const present = new Set<string>(there);
        for (const path of since.keys()) if (!present.has(path)) since.delete(path);
        for (const path of fired) if (!present.has(path)) fired.delete(path);
        for (const path of present) if (!since.has(path)) since.set(path, now);
        const due = [...present].filter(
          (path) => now - (since.get(path) ?? now) >= stabilizationMs && !fired.has(path),
        );
        expect(folder.look(now, ...[...present].map((path) => file(path)))).toEqual(
          due.toSorted().map((path) => `created ${path}`),
        );
        for (const path of due) fired.add(path);
      }
    }),
  );
});
