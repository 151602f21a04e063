import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AttemptDirectories, attemptDirectories } from "./attempt-directories.ts";
import { openSpareDirectories } from "./spare-directories.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-spares-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** The directories of an attempt as a runner makes them. */
function makeAttempt(token: string): AttemptDirectories {
  const directories = attemptDirectories(dataDir, token);
  mkdirSync(directories.base, { recursive: true, mode: 0o700 });
  for (const path of folders(directories)) mkdirSync(path, { mode: 0o700 });
  writeFileSync(directories.outputFile, "", { mode: 0o600 });
  return directories;
}

const folders = ({ work, temporary, artifacts, code }: AttemptDirectories) => [work, temporary, artifacts, code];

test("nothing is given before something was kept", () => {
  expect(openSpareDirectories(dataDir).take(attemptDirectories(dataDir, "first"))).toBe(false);
});

test("a later attempt gets empty private folders, whatever the earlier one left in them", () => {
  const spares = openSpareDirectories(dataDir);
  const earlier = makeAttempt("earlier");
  writeFileSync(join(earlier.work, "result"), "x");
  mkdirSync(join(earlier.temporary, "a", "b"), { recursive: true });
  symlinkSync("/", join(earlier.artifacts, "link"));
  writeFileSync(earlier.outputFile, "secret=1");
  writeFileSync(earlier.cgroupNote, "/sys/fs/cgroup/x");
  expect(spares.keep(earlier)).toBe(true);
  expect(existsSync(earlier.base)).toBe(false);
  const later = attemptDirectories(dataDir, "later");
  expect(spares.take(later)).toBe(true);
  expect(readdirSync(later.base).toSorted()).toEqual(["artifacts", "code", "tmp", "work"]);
  for (const path of folders(later)) {
    expect(readdirSync(path)).toEqual([]);
    expect(statSync(path).mode & 0o7777).toBe(0o700);
  }
  expect(spares.take(attemptDirectories(dataDir, "third"))).toBe(false);
});

test("an empty output file and the note of the cgroup stay, and nothing in their places that leads elsewhere", () => {
  const spares = openSpareDirectories(dataDir);
  const elsewhere = join(dataDir, "elsewhere");
  writeFileSync(elsewhere, "", { mode: 0o600 });
  const keptOf = (token: string, change: (directories: AttemptDirectories) => void): readonly string[] => {
    const directories = makeAttempt(token);
    writeFileSync(directories.cgroupNote, "/sys/fs/cgroup/x", { mode: 0o600 });
    change(directories);
    expect(spares.keep(directories)).toBe(true);
    const later = attemptDirectories(dataDir, `${token}-later`);
    expect(spares.take(later)).toBe(true);
    return readdirSync(later.base).filter((name) => !["artifacts", "code", "tmp", "work"].includes(name));
  };
  const replace = (path: string, make: (path: string) => void): void => {
    rmSync(path);
    make(path);
  };
  expect(keptOf("untouched", () => {}).toSorted()).toEqual(["cgroup", "output"]);
  expect(keptOf("written", ({ outputFile }) => writeFileSync(outputFile, "secret=1"))).toEqual(["cgroup"]);
  expect(keptOf("opened", ({ outputFile }) => chmodSync(outputFile, 0o644))).toEqual(["cgroup"]);
  const link = (path: string): void => symlinkSync(elsewhere, path);
  expect(keptOf("led", ({ cgroupNote }) => replace(cgroupNote, link))).toEqual(["output"]);
  const shared = ({ outputFile }: AttemptDirectories) => replace(outputFile, (path) => linkSync(elsewhere, path));
  expect(keptOf("shared", shared)).toEqual(["cgroup"]);
});

describe("what is not as it was made is not kept", () => {
  const changes: Record<string, (directories: AttemptDirectories) => void> = {
    "a folder with other rights": ({ work }) => chmodSync(work, 0o755),
    "a base with other rights": ({ base }) => chmodSync(base, 0o711),
    "a folder that is gone": ({ temporary }) => rmdirSync(temporary),
    "a link in a folder's place": ({ temporary, work }) => {
      rmdirSync(temporary);
      symlinkSync(work, temporary);
    },
    "a folder more": ({ base }) => mkdirSync(join(base, "more")),
    "many files": ({ work }) => {
      for (let index = 0; index < 65; index += 1) writeFileSync(join(work, String(index)), "");
    },
  };
  test.each(Object.entries(changes))("%s", (_, change) => {
    const spares = openSpareDirectories(dataDir);
    const directories = makeAttempt("changed");
    change(directories);
    expect(spares.keep(directories)).toBe(false);
    expect(existsSync(directories.base)).toBe(true);
    expect(spares.take(attemptDirectories(dataDir, "later"))).toBe(false);
  });
});

test("no more than 64 are kept", () => {
  const spares = openSpareDirectories(dataDir);
  const answers = Array.from({ length: 65 }, (_, index) => spares.keep(makeAttempt(`attempt-${index}`)));
  expect(answers.indexOf(false)).toBe(64);
});

test("those of an earlier runner are removed", async () => {
  expect(openSpareDirectories(dataDir).keep(makeAttempt("earlier"))).toBe(true);
  const spares = openSpareDirectories(dataDir);
  await vi.waitFor(() => expect(readdirSync(join(dataDir, "spare"))).toEqual([]));
  expect(spares.take(attemptDirectories(dataDir, "later"))).toBe(false);
});

test("a spare that vanished is not given", () => {
  const spares = openSpareDirectories(dataDir);
  spares.keep(makeAttempt("earlier"));
  rmSync(join(dataDir, "spare"), { recursive: true });
  expect(spares.take(attemptDirectories(dataDir, "later"))).toBe(false);
});
