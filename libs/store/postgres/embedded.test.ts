import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Client } from "pg";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";
import { inspectProcess, readPostmasterFile } from "./postmaster-file.ts";

const silent = pino({ level: "silent" });
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

describe("the embedded server", () => {
  it("answers with safe settings, stops, and keeps its data for the next start", async () => {
    const dataDir = await createFolder();
    const first = await start(dataDir);
    await query(first.connectionString, "CREATE TABLE kept AS SELECT 42 AS answer");
    const [fsync] = await query(first.connectionString, "SHOW fsync");
    const [commit] = await query(first.connectionString, "SHOW synchronous_commit");
    await first.stop();
    await expect(query(first.connectionString, "SELECT 1")).rejects.toThrow(/ENOENT|ECONNREFUSED/);

    const second = await start(dataDir);
    expect(fsync).toEqual({ fsync: "on" });
    expect(commit).toEqual({ synchronous_commit: "on" });
    expect(await query(second.connectionString, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  it("ends when its process is killed, and the next start finds all that was committed", async () => {
    const dataDir = await createFolder();
    const child = await startInChild(dataDir);
    await query(child.connectionString, "CREATE TABLE kept AS SELECT 1 AS n");
    const pid = (await readPostmasterFile(join(dataDir, "postgres")))?.pid ?? 0;
    child.process.kill("SIGKILL");

    const next = await start(dataDir);
    expect(await inspectProcess(pid)).toBeNull();
    expect(await query(next.connectionString, "SELECT n FROM kept")).toEqual([{ n: 1 }]);
  });

  it("shuts down by itself, with its socket's folder, when nobody starts it again", async () => {
    const dataDir = await createFolder();
    const child = await startInChild(dataDir);
    const file = await readPostmasterFile(join(dataDir, "postgres"));
    child.process.kill("SIGKILL");
    await expect.poll(() => inspectProcess(file?.pid ?? 0), { timeout: 10_000 }).toBeNull();
    await expect
      .poll(
        () =>
          stat(file?.socketFolder ?? "/").then(
            () => "there",
            () => "gone",
          ),
        { timeout: 10_000 },
      )
      .toBe("gone");
  });

  it("refuses a data directory whose owner lives, and names it", async () => {
    const dataDir = await createFolder();
    const child = await startInChild(dataDir);
    await expect(start(dataDir)).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
      details: { pid: child.process.pid },
    });
  });

  it("is not held up by a pid file whose number another program has, nor by an initdb that was cut off", async () => {
    const dataDir = await createFolder();
    await mkdir(join(dataDir, "postgres.partial"));
    const first = await start(dataDir);
    await first.stop();
    await writeFile(
      join(dataDir, "postgres", "postmaster.pid"),
      `${process.pid}\n${dataDir}\n1\n5432\n/tmp\n\n\nready\n`,
    );
    await writeFile(join(dataDir, "owner.json"), JSON.stringify({ pid: process.pid, startMark: "another life" }));

    const second = await start(dataDir);
    expect(await query(second.connectionString, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("starts the server again when it ends by itself", async () => {
    const dataDir = await createFolder();
    const server = await start(dataDir);
    process.kill((await readPostmasterFile(join(dataDir, "postgres")))?.pid ?? 0, "SIGQUIT");
    await expect
      .poll(() => query(server.connectionString, "SELECT 2 AS two").catch(() => null), { timeout: 20_000 })
      .toEqual([{ two: 2 }]);
  });

  it("says which folder it cannot write to", async () => {
    const dataDir = await createFolder();
    const file = join(dataDir, "a-file");
    await writeFile(file, "");
    await expect(start(join(file, "data"))).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
      details: { folder: join(file, "data") },
    });
  });

  it.runIf(process.getuid?.() === 0)(
    "keeps data elsewhere when the database's user cannot enter the data directory, and says where",
    async () => {
      const dataDir = await createFolder();
      await chmod(dataDir, 0o700);
      const lines: string[] = [];
      const sink = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) });
      const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "data"), logger: pino(sink), unsafe: true });
      const [shown] = await query(server.connectionString, "SHOW data_directory");
      await server.stop();
      const folder = String(shown?.["data_directory"]).replace(/\/postgres$/, "");
      cleanUps.push(() => rm(folder, { recursive: true }));

      expect(folder).toMatch(/^\/var\/tmp\/millrace-[0-9a-f]{12}$/);
      expect(lines.map((line) => JSON.parse(line)).find((line) => line.level === 40)).toMatchObject({
        folder,
        data_dir: join(dataDir, "data"),
      });
    },
  );

  it("puts what the server said into the error when it cannot start", async () => {
    const dataDir = await createFolder();
    const first = await start(dataDir);
    await first.stop();
    await writeFile(join(dataDir, "postgres", "PG_VERSION"), "9\n");
    await expect(start(dataDir)).rejects.toMatchObject({
      code: "EMBEDDED_DATABASE_FAILED",
      message: expect.stringContaining("incompatible"),
    });
    expect(await readFile(join(dataDir, "postgres.log"), "utf8")).toContain("incompatible");
  });
});

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-embedded-"));
  await chmod(folder, 0o711);
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function start(dataDir: string): ReturnType<typeof startEmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, logger: silent });
  cleanUps.push(() => server.stop());
  return server;
}

/** The same in a process of its own, so that it can be killed. */
async function startInChild(dataDir: string): Promise<{ process: ChildProcess; connectionString: string }> {
  const script = `
    import { pino } from "pino";
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL("./embedded.ts", import.meta.url).href)};
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, logger: pino({ level: "silent" }) });
    console.log(server.connectionString);
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  cleanUps.push(async () => {
    child.kill("SIGKILL");
    await exited;
    const pid = (await readPostmasterFile(join(dataDir, "postgres")))?.pid;
    if (pid !== undefined) await expect.poll(() => inspectProcess(pid), { timeout: 10_000 }).toBeNull();
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { process: child, connectionString: String(line) };
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
