import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { compileFilePattern } from "./file-filter.ts";
import { type HashCache, hashContent, listFolder } from "./list-folder.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "list-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
});

async function write(filePath: string, text = filePath): Promise<string> {
  const full = path.join(root, filePath);
  await mkdir(path.dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
}

function list(cache: HashCache = new Map(), folder = root) {
  return listFolder({ root: folder, matches: compileFilePattern("**/*.{yaml,yml}"), cache });
}

test("finds definition files in all folders with their hashes, in order, and leaves out the rest", async () => {
  for (const file of ["b.yaml", "x/y/a.yml", ".hidden.yaml", ".git/a.yaml", "a.tmp.yaml", "a.yaml~", "readme.md"])
    await write(file);

  const listing = await list();

  expect(listing).toEqual({
    files: ["b.yaml", "x/y/a.yml"].map((file) => ({ path: file, hash: hashContent(Buffer.from(file)) })),
    refused: [],
    unreadable: [],
  });
});

test("follows links within the root, refuses those to outside, and ignores broken ones and linked folders", async () => {
  const outside = await mkdtemp(path.join(tmpdir(), "outside-"));
  onTestFinished(() => rm(outside, { recursive: true }));
  await writeFile(path.join(outside, "secret.yaml"), "x");
  await write("..data/a.yaml", "linked");
  await symlink("..data/a.yaml", path.join(root, "inside.yaml"));
  await symlink(path.join(outside, "secret.yaml"), path.join(root, "outside.yaml"));
  await symlink("nowhere.yaml", path.join(root, "broken.yaml"));
  await symlink(outside, path.join(root, "folder"));

  const listing = await list();

  expect(listing.files.map((file) => file.path)).toEqual(["inside.yaml"]);
  expect(listing.refused).toEqual([expect.objectContaining({ path: "outside.yaml", code: "LINK_OUTSIDE" })]);
});

test("a root that is not there is unreadable, not empty", async () => {
  const listing = await list(new Map(), path.join(root, "none"));

  expect(listing.files).toEqual([]);
  expect(listing.unreadable).toEqual([expect.objectContaining({ path: "./", code: "FOLDER_UNREADABLE" })]);
});

test("a folder in it that can't be read is told apart from an empty one", async () => {
  await write("a.yaml");
  const name = "d".repeat(250);
  const steps = Array.from({ length: 20 }, () => `mkdir ${name} && cd ${name}`).join(" && ");
  spawnSync("sh", ["-c", `${steps} && touch b.yaml`], { cwd: root });
  onTestFinished(() => void spawnSync("rm", ["-rf", root]));

  const listing = await list();

  expect(listing.files.map((file) => file.path)).toEqual(["a.yaml"]);
  expect(listing.unreadable).toEqual([
    expect.objectContaining({ code: "FOLDER_UNREADABLE", message: expect.stringContaining("ENAMETOOLONG") }),
  ]);
});

test("a file beyond any definition's size is refused unread", async () => {
  await write("big.yaml", "x".repeat(2 * 1024 * 1024 + 1));

  expect((await list()).refused).toEqual([expect.objectContaining({ path: "big.yaml", code: "FILE_TOO_LARGE" })]);
});

test("folders that are too deep are refused by name", async () => {
  await write(`${Array.from({ length: 40 }, () => "d").join("/")}/a.yaml`);

  const listing = await list();

  expect(listing.files).toEqual([]);
  expect(listing.refused).toEqual([expect.objectContaining({ code: "FOLDER_TOO_DEEP" })]);
});

test("a file that has settled is read again only when its facts change; one that has just changed always is", async () => {
  await write("a.yaml", "one");
  const cache: HashCache = new Map();
  const hashes = async (ageMs: number) => {
    const now = () => Date.now() + ageMs;
    const { files } = await listFolder({ root, matches: () => true, cache, now });
    return files.map((file) => file.hash);
  };

  await hashes(0);
  expect(cache.size).toBe(0);
  await hashes(10_000);
  const entry = cache.get("a.yaml");
  cache.set("a.yaml", { stamp: entry?.stamp ?? "", hash: "kept" });
  expect(await hashes(10_000)).toEqual(["kept"]);
  await write("a.yaml", "two");
  expect(await hashes(10_000)).toEqual([hashContent(Buffer.from("two"))]);
  await rm(path.join(root, "a.yaml"));
  expect(await hashes(10_000)).toEqual([]);
  expect(cache.size).toBe(0);
});
