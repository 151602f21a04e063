import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KnownFile } from "#ports/definition-store.ts";
import type { FolderListing, RefusedPath } from "./list-folder.ts";
import { planScan, problemHash, type ScanAction, type ScanMemory } from "./plan-scan.ts";

/** Known files as `path@hash`: in force, or, with a `!` before it, broken and never in force. */
function known(...texts: string[]): KnownFile[] {
  return texts.map((text) => {
    const isBroken = text.startsWith("!");
    const [filePath = "", hash = ""] = text.replace("!", "").split("@");
    return { filePath, hash, dagId: isBroken ? null : `dag_${filePath}`, isActive: !isBroken };
  });
}

function listing(files: string[], others: Partial<FolderListing> = {}): FolderListing {
  return {
    files: files.map((text) => {
      const [path = "", hash = ""] = text.split("@");
      return { path, hash };
    }),
    refused: [],
    unreadable: [],
    ...others,
  };
}

const nothing: ScanMemory = { missing: new Set(), taken: new Map(), retry: new Set() };

function show(actions: readonly ScanAction[]): string[] {
  return actions.map((action) =>
    action.kind === "record_error" ? `record_error ${action.refused.path}` : `${action.kind} ${action.path}`,
  );
}

function plan(knownFiles: KnownFile[], found: FolderListing, memory: Partial<ScanMemory> = {}) {
  const { actions, missing, degraded } = planScan(knownFiles, found, { ...nothing, ...memory });
  return { actions: show(actions), missing: [...missing], degraded };
}

const unreadable: RefusedPath = { path: "sub/", code: "FOLDER_UNREADABLE", message: "can't read the folder sub" };

describe("registering", () => {
  test("new and changed contents are registered, others left alone", () => {
    expect(plan(known("a@1", "b@1", "!c@1", "!d@1"), listing(["a@1", "b@2", "c@1", "d@2", "e@1"])).actions).toEqual([
      "register b",
      "register d",
      "register e",
    ]);
  });

  test("a broken file is tried again when asked, though it has not changed", () => {
    expect(plan(known("!c@1", "a@1"), listing(["a@1", "c@1"]), { retry: new Set(["c"]) }).actions).toEqual([
      "register c",
    ]);
  });

  test("a file whose id another has waits while that one has it", () => {
    const taken = new Map([["b", { dagId: "dag_a", owner: "a" }]]);

    expect(plan(known("a@1", "!b@1"), listing(["a@1", "b@1"]), { taken }).actions).toEqual([]);
    expect(plan(known("!b@1"), listing(["b@1"]), { taken }).actions).toEqual(["register b"]);
    expect(plan(known("a@1", "!b@1"), listing(["b@1"]), { taken, missing: new Set(["a"]) }).actions).toEqual([
      "archive a",
      "register b",
    ]);
  });
});

describe("files that are gone", () => {
  test("are archived by the second listing that lacks them, not by the first", () => {
    const first = plan(known("a@1", "b@1", "!c@1"), listing(["a@1"]));
    expect(first).toEqual({ actions: [], missing: ["b", "c"], degraded: null });

    const second = plan(known("a@1", "b@1", "!c@1"), listing(["a@1"]), { missing: new Set(first.missing) });
    expect(second).toEqual({ actions: ["archive b", "clear_error c"], missing: [], degraded: null });
  });

  test("that come back in between are not", () => {
    expect(plan(known("a@1", "b@1"), listing(["a@1", "b@1"]), { missing: new Set(["b"]) })).toMatchObject({
      actions: [],
      missing: [],
    });
  });

  test("the only file of a folder may go", () => {
    expect(plan(known("a@1"), listing([]), { missing: new Set(["a"]) })).toMatchObject({
      actions: ["archive a"],
      degraded: null,
    });
  });
});

describe("a folder in doubt", () => {
  test("that can't be read archives nothing anywhere, keeps what it remembers, and says why", () => {
    const memory = { missing: new Set(["b"]) };

    expect(plan(known("a@1", "b@1", "c@1"), listing(["a@1"], { unreadable: [unreadable] }), memory)).toEqual({
      actions: ["record_error sub/"],
      missing: ["b"],
      degraded: unreadable.message,
    });
  });

  test("that lost all of two or more files at once archives nothing, however often it is listed", () => {
    const memory = { missing: new Set(["a", "b"]) };

    const { actions, degraded } = plan(known("a@1", "b@1"), listing([]), memory);

    expect(actions).toEqual(["record_error ./"]);
    expect(degraded).toContain("all 2 definition files are gone at once");
  });

  test("still registers what can be read", () => {
    expect(plan(known("a@1"), listing(["a@2"], { unreadable: [unreadable] })).actions).toEqual([
      "record_error sub/",
      "register a",
    ]);
  });

  test("has one error while it lasts, which goes with it", () => {
    const again = known(`!sub/@${problemHash(unreadable)}`, "a@1");

    expect(plan(again, listing(["a@1"], { unreadable: [unreadable] })).actions).toEqual([]);
    expect(plan(again, listing(["a@1"])).actions).toEqual(["clear_error sub/"]);
  });
});

test("a refused file stays in force, with one error", () => {
  const refused: RefusedPath = { path: "a", code: "LINK_OUTSIDE", message: "a is a link" };

  expect(plan(known("a@1", "b@1"), listing(["b@1"], { refused: [refused] }), { missing: new Set(["a"]) })).toEqual({
    actions: ["record_error a"],
    missing: [],
    degraded: null,
  });
  expect(plan(known(`a@${problemHash(refused)}`, "b@1"), listing(["b@1"], { refused: [refused] })).actions).toEqual([]);
});

test("whatever is found: nothing present is archived, nothing is archived at first sight or in doubt, changes are registered", () => {
  const name = fc.constantFrom("a", "b", "x/c", "x/d");
  const hash = fc.constantFrom("1", "2");
  const files = fc.uniqueArray(fc.record({ path: name, hash }), { selector: (file) => file.path });
  const knownFiles = fc.uniqueArray(
    fc.record({ filePath: name, hash, dagId: fc.option(name), isActive: fc.boolean() }),
    {
      selector: (file) => file.filePath,
    },
  );
  fc.assert(
    fc.property(
      knownFiles,
      files,
      fc.subarray(["a", "b", "x/c"]),
      fc.boolean(),
      (knownRows, found, missing, isReadable) => {
        const rows = knownRows.map((row) => ({ ...row, isActive: row.isActive && row.dagId !== null }));
        const memory = { ...nothing, missing: new Set(missing) };
        const scan = planScan(rows, { files: found, refused: [], unreadable: isReadable ? [] : [unreadable] }, memory);
        const archived = scan.actions.flatMap((action) => (action.kind === "archive" ? [action.path] : []));
        for (const path of archived) {
          expect(missing).toContain(path);
          expect(found.map((file) => file.path)).not.toContain(path);
        }
        if (scan.degraded !== null) expect(archived).toEqual([]);
        for (const file of found) {
          const isChanged = rows.find((row) => row.filePath === file.path)?.hash !== file.hash;
          expect(show(scan.actions).includes(`register ${file.path}`)).toBe(isChanged);
        }
      },
    ),
  );
});
