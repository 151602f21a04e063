import { describe, expect, test } from "vitest";
import { completeLockFile, findResolvedHosts, type LockFile } from "./complete-lock-file.ts";

function lockWith(optionalDependencies: Record<string, string>, more: LockFile["packages"] = {}): LockFile {
  return {
    lockfileVersion: 3,
    packages: { "": {}, "node_modules/tool": { version: "2.0.0", dev: true, optionalDependencies }, ...more },
  };
}

describe("completeLockFile", () => {
  test.each([
    ["@x/binding-linux-arm64-musl", { os: ["linux"], cpu: ["arm64"], libc: ["musl"] }],
    ["@x/binding-linux-x64-gnu", { os: ["linux"], cpu: ["x64"], libc: ["glibc"] }],
    ["@x/binding-linux-arm-gnueabihf", { os: ["linux"], cpu: ["arm"], libc: ["glibc"] }],
    ["@x/buf-linux-aarch64", { os: ["linux"], cpu: ["arm64"] }],
    ["tool-windows-x64", { os: ["win32"], cpu: ["x64"] }],
    ["@x/cli-darwin-arm64", { os: ["darwin"], cpu: ["arm64"] }],
    ["@x/binding-wasm32-wasi", { cpu: ["wasm32"] }],
  ])("adds %s with the platform of its name", (name, platform) => {
    const lock = lockWith({ [name]: "1.2.3" });
    expect(completeLockFile(lock)).toEqual([`node_modules/${name}`]);
    expect(lock.packages[`node_modules/${name}`]).toEqual({ version: "1.2.3", dev: true, optional: true, ...platform });
  });

  test("leaves a lock that describes every package as it is, wherever npm put them", () => {
    const beside = lockWith({ "a-linux-x64": "1.0.0" }, { "node_modules/a-linux-x64": { version: "1.0.0" } });
    const below = lockWith(
      { "a-linux-x64": "1.0.0" },
      { "node_modules/tool/node_modules/a-linux-x64": { version: "1.0.0" } },
    );
    expect([completeLockFile(beside), completeLockFile(below)]).toEqual([[], []]);
  });

  test("takes an entry above a nested parent", () => {
    const lock: LockFile = {
      packages: {
        "": {},
        "node_modules/@s/a/node_modules/b": { optionalDependencies: { "c-linux-x64": "1.0.0" } },
        "node_modules/c-linux-x64": { version: "1.0.0" },
      },
    };
    expect(completeLockFile(lock)).toEqual([]);
  });

  test("keeps the paths in npm's order", () => {
    const lock = lockWith({ "a-linux-x64": "1.0.0" });
    completeLockFile(lock);
    expect(Object.keys(lock.packages)).toEqual(["", "node_modules/a-linux-x64", "node_modules/tool"]);
  });

  test("refuses to guess a version from a range", () => {
    expect(() => completeLockFile(lockWith({ "a-linux-x64": "^1.0.0" }))).toThrow(/\^1\.0\.0 is a range/);
  });
});

test("findResolvedHosts names the entries that say where they came from", () => {
  const lock = lockWith({}, { "node_modules/a": { resolved: "https://example.com/a.tgz" } });
  expect(findResolvedHosts(lock)).toEqual(["node_modules/a"]);
});
