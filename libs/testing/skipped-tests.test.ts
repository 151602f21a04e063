import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { saySkipped, saySkippedWithout, skipsVariable } from "./skipped-tests.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-skips-"));
  path = join(directory, "skips");
  vi.stubEnv(skipsVariable, path);
  // Nothing is skipped here, and nobody shall think so.
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

test("what is skipped is left for the end of the run, one line each, of a long reason the end", () => {
  saySkipped("tests of a", "no\n  namespaces \n");
  saySkipped("tests of b", `${"x".repeat(1000)} the cause`);
  const lines = readFileSync(path, "utf8").split("\n");
  expect(lines).toEqual([
    "tests of a, because no namespaces",
    expect.stringMatching(/^tests of b, .{0,320} the cause$/),
    "",
  ]);
});

test("a missing program is told, outside CI", () => {
  vi.stubEnv("CI", "");
  saySkippedWithout("tests of a", "a is not installed");
  expect(readFileSync(path, "utf8")).toBe("tests of a, because a is not installed\n");
});

test("under CI a missing program is an error", () => {
  vi.stubEnv("CI", "true");
  expect(() => saySkippedWithout("tests of a", "a is not installed")).toThrow("tests of a can't run, because a is not");
});
