import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLogger } from "#telemetry/logger.ts";
import { createTestDatabase, type TestDatabase } from "#testing/template-database.ts";
import { openStoreWithRetry } from "./open-with-retry.ts";

describe("openStoreWithRetry", () => {
  let database: TestDatabase;
  let lines: string[];
  let door: Server | null;

  beforeEach(async () => {
    database = await createTestDatabase();
    lines = [];
    door = null;
  });
  afterEach(async () => {
    door?.close();
    await database.drop();
  });

  function open(connectionString: string, options: { unsafe?: boolean; signal?: AbortSignal } = {}) {
    const logger = createLogger({
      level: "warn",
      format: "json",
      component: "test",
      sink: { write: (line) => void lines.push(line) },
    });
    const signal = options.signal ?? new AbortController().signal;
    const toPlan = () => assert.fail("no run is read here");
    return openStoreWithRetry({
      connectionString,
      poolSize: 4,
      toPlan,
      unsafe: options.unsafe ?? true,
      logger,
      signal,
    });
  }

  test("waits for a database that is away and opens it when it comes", async () => {
    const port = await freePort();
    const url = new URL(database.connectionString);
    const opening = open(`postgresql://${url.username}@127.0.0.1:${port}${url.pathname}`);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
    expect(lines[0]).toContain("the database is away, trying again");
    door = await openDoor(port, `${url.searchParams.get("host")}/.s.PGSQL.${url.searchParams.get("port")}`);
    const store = await opening;
    await store.queries.ping();
    await store.close();
  });

  test("gives up when it is told to", async () => {
    const stopping = new AbortController();
    const opening = open(`postgresql://nobody@127.0.0.1:${await freePort()}/none`, { signal: stopping.signal });
    await vi.waitFor(() => expect(lines).toHaveLength(1), { timeout: 10_000 });
    stopping.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
  });

  test("does not try again what waiting can't cure", async () => {
    const opening = open(database.connectionString, { unsafe: false });
    await expect(opening).rejects.toThrow(expect.objectContaining({ code: "DATABASE_UNSAFE" }));
    expect(lines).toEqual([]);
  });
});

/** Lets TCP connections through to the database's socket. */
async function openDoor(port: number, path: string): Promise<Server> {
  const server = createServer((socket: Socket) => {
    const inner = connect(path);
    socket.pipe(inner).pipe(socket);
    for (const side of [socket, inner]) side.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
