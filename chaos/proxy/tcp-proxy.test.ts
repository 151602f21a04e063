import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase } from "#testing/template-database.ts";
import { postgresBindOf, postgresIdle, postgresQueryOf } from "./connection-fault.ts";
import { leadThrough } from "./postgres-proxy.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** Answers each chunk with itself, in capitals. */
async function startEcho(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => socket.write(chunk.toString().toUpperCase()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === "string" ? 0 : address.port;
}

describe("a link through the proxy", () => {
  let server: Server;
  let proxy: TcpProxy;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = await startEcho();
    proxy = await startTcpProxy();
    proxy.pointTo({ host: "127.0.0.1", port: portOf(server) });
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
  });

  async function open(): Promise<{ socket: Socket; text: () => string }> {
    const socket = connect(proxy.port, "127.0.0.1");
    sockets.push(socket);
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(socket, "connect");
    return { socket, text: () => text };
  }

  async function expectAnswer(connection: { socket: Socket; text: () => string }, words: string): Promise<void> {
    connection.socket.write(words);
    await expect.poll(connection.text).toContain(words.toUpperCase());
  }

  it("passes bytes both ways", async () => {
    await expectAnswer(await open(), "hello");
  });

  it("is cut, and the next connection works", async () => {
    const first = await open();
    await expectAnswer(first, "hello");
    const closed = once(first.socket, "close");
    proxy.cut();
    await closed;
    await expectAnswer(await open(), "again");
  });

  it("is refused until it is healed, on the same port", async () => {
    await proxy.refuse();
    const refused = connect(proxy.port, "127.0.0.1");
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    await proxy.heal();
    await expectAnswer(await open(), "hello");
  });

  it.each(["toServer", "toClient"] as const)("is silent %s: the connection stays, nothing comes", async (direction) => {
    const connection = await open();
    await expectAnswer(connection, "one");
    const seen: string[] = [];
    server.on("connection", (socket) => socket.on("data", (chunk) => seen.push(chunk.toString())));
    const watched = await open();
    await expectAnswer(watched, "two");
    proxy.setLink(direction, { isSilent: true });
    watched.socket.write("lost");
    await expect.poll(() => proxy.counts.swallowed).toBe(1);
    proxy.setLink(direction, { isSilent: false });
    await expectAnswer(watched, "three");
    expect(watched.text()).toBe("TWOTHREE");
    expect(seen.includes("lost")).toBe(direction === "toClient");
    expect(watched.socket.destroyed).toBe(false);
  });

  it("is slow without a change of order", async () => {
    const connection = await open();
    proxy.setLink("toClient", { delayMs: 100 });
    connection.socket.write("first");
    await expect.poll(() => proxy.counts.delayed, { interval: 1 }).toBe(1);
    proxy.setLink("toClient", { delayMs: 0 });
    connection.socket.write("second");
    await expect.poll(connection.text).toBe("FIRSTSECOND");
  });

  it("loses a request before the server sees it, or its reply behind its end", async () => {
    for (const lose of ["request", "reply"] as const) {
      const seen: string[] = [];
      server.once("connection", (socket) => socket.on("data", (chunk) => seen.push(chunk.toString())));
      const connection = await open();
      await expectAnswer(connection, "harmless");
      proxy.setFault({ lose, request: Buffer.from("hit"), replyEnd: Buffer.from("END"), isHit: () => true });
      const closed = once(connection.socket, "close");
      connection.socket.write("hit me end");
      await closed;
      expect(connection.text()).toBe("HARMLESS");
      expect(seen.includes("hit me end")).toBe(lose === "reply");
      proxy.setFault(null);
    }
    expect(proxy.counts.hits).toBe(2);
  });
});

describe("PostgreSQL behind the proxy", () => {
  async function withClients(work: (through: Client, direct: Client, proxy: TcpProxy) => Promise<void>): Promise<void> {
    const database = await createTestDatabase();
    const proxy = await startTcpProxy();
    const connectionString = leadThrough(proxy, database.connectionString);
    const [through, direct] = [new Client({ connectionString }), new Client(database.connectionString)];
    through.on("error", () => undefined);
    await Promise.all([through.connect(), direct.connect()]);
    try {
      await direct.query("CREATE TABLE marks (mark int)");
      await work(through, direct, proxy);
    } finally {
      await Promise.all([through.end().catch(() => undefined), direct.end()]);
      await proxy.close();
      await database.drop();
    }
  }

  const countMarks = async (client: Client): Promise<unknown> =>
    (await client.query<{ count: number }>("SELECT count(*)::int AS count FROM marks")).rows[0]?.count;

  it.each([
    ["request", 0],
    ["reply", 1],
  ] as const)("commits or not when the %s of a statement is lost", async (lose, expected) => {
    await withClients(async (through, direct, proxy) => {
      const mark = { name: "put_mark", text: "INSERT INTO marks VALUES ($1)" };
      proxy.setFault({ lose, request: postgresBindOf("put_mark"), replyEnd: postgresIdle, isHit: () => true });
      await expect(through.query({ ...mark, values: [1] })).rejects.toThrow("Connection terminated");
      expect(await countMarks(direct)).toBe(expected);
    });
  });

  it.each([
    ["request", 0],
    ["reply", 1],
  ] as const)("commits or not when the %s of COMMIT is lost", async (lose, expected) => {
    await withClients(async (through, direct, proxy) => {
      proxy.setFault({ lose, request: postgresQueryOf("COMMIT"), replyEnd: postgresIdle, isHit: () => true });
      await through.query("BEGIN");
      await through.query("INSERT INTO marks VALUES (1)");
      await expect(through.query("COMMIT")).rejects.toThrow("Connection terminated");
      await expect.poll(() => countMarks(direct)).toBe(expected);
    });
  });
});
