import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { saySkipped } from "#testing/skipped-tests.ts";
import { describeArtifactStore } from "./artifact-store.testsuite.ts";
import { createDirectoryStore } from "./directory-store.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describeArtifactStore("a folder of artifacts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return createDirectoryStore(folder);
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("half");
  throw new Error("gone");
}

it("leaves no draft behind, and removes those that are a day old", async () => {
  const folder = makeFolder();
  const incoming = join(folder, ".incoming");
  mkdirSync(incoming);
  for (const name of ["old", "new"]) writeFileSync(join(incoming, name), "");
  utimesSync(join(incoming, "old"), new Date(0), new Date(0));
  const store = createDirectoryStore(folder);
  await expect(store.write("1/a", broken(), 9)).rejects.toThrow("gone");
  expect(readdirSync(incoming)).toEqual(["new"]);
});

it("says which folder can't be used, and uses it once it can", async () => {
  const folder = makeFolder();
  const path = join(folder, "artifacts");
  writeFileSync(path, "in the way");
  const store = createDirectoryStore(path);
  const content = () => ReadableStream.from([Buffer.from("x")]);
  await expect(store.write("1/a", content(), 1)).rejects.toMatchObject({
    code: "ARTIFACT_STORE_UNAVAILABLE",
    message: expect.stringContaining(path),
  });
  rmSync(path);
  await store.write("1/a", content(), 1);
  expect(await store.read("1/a")).not.toBeNull();
});

it("removes folders with their last file, and never those of others, also while files come into them", async () => {
  const folder = makeFolder();
  const store = createDirectoryStore(folder);
  const put = (location: string) => store.write(location, ReadableStream.from([Buffer.from("x")]), 1);
  for (const location of ["1/0/1.1/a", "1/0/1.1/b", "1/1/1.1/c"]) await put(location);
  await store.remove("1/0/1.1/a");
  expect(readdirSync(join(folder, "1/0/1.1"))).toEqual(["b"]);
  await store.remove("1/0/1.1/b");
  expect(readdirSync(join(folder, "1"))).toEqual(["1"]);
  await store.remove("1/1/1.1/c");
  expect(readdirSync(folder)).toEqual([".incoming"]);
  const names = Array.from({ length: 50 }, (_, place) => `2/0/1.1/${place}`);
  await Promise.all(names.map(async (name) => put(name).then(() => store.remove(name))));
  expect(readdirSync(folder)).toEqual([".incoming"]);
});

it("removes nothing while its folder is not there, as when it isn't mounted", async () => {
  const folder = makeFolder();
  const store = createDirectoryStore(join(folder, "volume"));
  const away = { code: "ARTIFACT_STORE_UNAVAILABLE", message: expect.stringMatching(/volume can't be used: .*ENOENT/) };
  for (const location of ["1/a", "no-file"]) await expect(store.remove(location)).rejects.toMatchObject(away);
  mkdirSync(join(folder, "volume"));
  for (const location of ["1/a", "no-file"]) await store.remove(location);
});

const readOnly = `
import { createDirectoryStore } from ${JSON.stringify(new URL("directory-store.ts", import.meta.url))};
const store = createDirectoryStore(process.argv[1]);
for (const location of ["1/a", "no-file"]) await store.remove(location).catch((error) => console.log(location, error.message));
`;
const script =
  'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -C source --input-type=module -e "$3" "$1"';

/** In a namespace of mounts of its own. */
function removeReadOnly(folder: string) {
  const args = ["--mount", "sh", "-c", script, "sh", folder, process.execPath, readOnly];
  return spawnSync("unshare", args, { encoding: "utf8" });
}

const canMount = spawnSync("unshare", ["--mount", "mount", "--bind", "/tmp", "/tmp"], { encoding: "utf8" });
if (canMount.status !== 0) saySkipped("tests of a read-only folder of artifacts", canMount.stderr || "no unshare");

it.skipIf(canMount.status !== 0)("tells that it is read-only also where nothing is there to be removed", () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "1"));
  writeFileSync(join(folder, "1/a"), "");
  const { stdout, stderr } = removeReadOnly(folder);
  expect(stderr).toBe("");
  const lines = stdout.trim().split("\n");
  expect(lines).toEqual([expect.stringMatching(/^1\/a .*EROFS/), expect.stringMatching(/^no-file .*EROFS/)]);
});
