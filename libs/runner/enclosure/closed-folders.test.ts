import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dataWithin, findClosed } from "./closed-folders.ts";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-closed-")));
  mkdirSync(join(folder, "dags/data/worker"), { recursive: true });
  symlinkSync("/proc", join(folder, "link"));
  symlinkSync(join(folder, "dags"), join(folder, "current"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what a confined process may be given", () => {
  test.each(["/", "/proc", "/proc/1/root", "/sys", "/dev/shm", "/run", "/var/run"])("is not %s", (path) => {
    expect(findClosed(["/usr", path], "")).toMatchObject({
      code: "permission_denied",
      message: expect.stringContaining(`allow_paths names ${path},`),
    });
  });

  test("is not where a link leads to one of these", () => {
    expect(findClosed([join(folder, "link")], "")).toMatchObject({ code: "permission_denied" });
  });

  test("is nothing of the data directory, by whatever name", () => {
    const data = join(folder, "dags/data");
    expect(findClosed([join(folder, "current/data/worker")], data)).toMatchObject({ code: "permission_denied" });
    expect(findClosed([join(folder, "dags")], data)).toBeNull();
  });
});

test("the data directory shows within what holds it, at each of its names", () => {
  const seen = [join(folder, "dags"), join(folder, "current"), "/usr", join(folder, "dags/data/worker")];
  expect(dataWithin(seen, join(folder, "current/data"))).toEqual([
    join(folder, "dags/data"),
    join(folder, "current/data"),
  ]);
  expect(dataWithin(seen, "")).toEqual([]);
});
