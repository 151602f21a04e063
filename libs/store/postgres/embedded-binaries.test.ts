import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { type Binaries, locatePackage, type PostgresPackage, prepareBinaries } from "./embedded-binaries.ts";
import { serverUser } from "./embedded-place.ts";

const isRoot = process.getuid?.() === 0;

/** The package as npm leaves it when no install script ran: without its links. */
async function unpack(mode: number): Promise<PostgresPackage> {
  const { root } = await locatePackage();
  const folder = await mkdtemp(join(tmpdir(), "millrace-package-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(root, folder, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(await readFile(join(folder, "native", "pg-symlinks.json"), "utf8")) as { target: string }[];
  for (const { target } of links) await rm(join(folder, target), { force: true });
  await chmod(folder, mode);
  return { root: folder, version: `test-${process.pid}` };
}

async function versionOf(binaries: Binaries): Promise<string> {
  const options = { env: binaries.environment, cwd: "/", ...serverUser() };
  return (await promisify(execFile)(binaries.postgres, ["--version"], options)).stdout;
}

it("makes the links that npm left out, where the programs lie", async () => {
  const packaged = await unpack(0o755);
  const binaries = await prepareBinaries(serverUser(), "/nowhere", packaged);
  expect(binaries.folder).toBe(join(packaged.root, "native"));
  expect(await versionOf(binaries)).toMatch(/^postgres \(PostgreSQL\)/);
});

it.runIf(isRoot)("copies programs that the server's user cannot reach, once", async () => {
  const packaged = await unpack(0o700);
  const binaries = await prepareBinaries(serverUser(), "/nowhere", packaged);
  onTestFinished(() => rm(dirname(binaries.folder), { recursive: true, force: true }));
  expect(binaries.folder.startsWith(packaged.root)).toBe(false);
  expect(await versionOf(binaries)).toMatch(/^postgres \(PostgreSQL\)/);
  expect((await readdir(join(binaries.folder, "lib"))).filter((name) => name.endsWith(".a"))).toEqual([]);
  const { ino } = await stat(binaries.postgres);
  await prepareBinaries(serverUser(), "/nowhere", packaged);
  expect((await stat(binaries.postgres)).ino).toBe(ino);
});
