import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { createOutboundPolicy, type ResolveHost } from "./outbound-policy.ts";
import { type OutboundOptions, sendOutside } from "./outbound-request.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    if ("closeAllConnections" in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
  }
});

interface Canary {
  readonly port: number;
  readonly hits: IncomingMessage[];
}

/** A server on every loopback address; it counts connections, so that nothing reaches it unseen. */
async function startCanary(answer: RequestListener = (_, response) => response.end("reached")): Promise<Canary> {
  const hits: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    hits.push(request);
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, "::");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, hits };
}

interface SendOptions {
  readonly allow?: readonly string[];
  readonly resolve?: ResolveHost;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly options?: Partial<OutboundOptions>;
}

function send(url: string, { allow = [], resolve, method = "GET", headers = {}, body, options }: SendOptions = {}) {
  return sendOutside(
    { method, url, headers, body: body === undefined ? null : Buffer.from(body) },
    {
      policy: createOutboundPolicy({ allow, ...(resolve === undefined ? {} : { resolve }) }),
      limits: { responseBytes: 10_000, headerBytes: 4096, connectMs: 5000 },
      timeoutMs: 10_000,
      followRedirects: true,
      readBody: () => true,
      signal: new AbortController().signal,
      ...options,
    },
  );
}

/** The code of the error; "none" when there was none. */
const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => "none",
    (error: unknown) => (error as { code?: string }).code ?? "an error without a code",
  );

describe("the canary is never reached", () => {
  test.each([
    "http://127.0.0.1",
    "http://2130706433",
    "http://017700000001",
    "http://0x7f.0.0.1",
    "http://127.1",
    "http://0.0.0.0",
    "http://localhost",
    "http://[::1]",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://8.8.8.8@127.0.0.1",
    "https://127.0.0.1",
  ])("by %s", async (origin) => {
    const canary = await startCanary();
    expect(await codeOf(send(`${origin}:${canary.port}/`))).toBe("OUTBOUND_REFUSED");
    expect(canary.hits).toHaveLength(0);
  });

  test("by an address with a zone", async () => {
    const canary = await startCanary();
    expect(await codeOf(send(`http://[fe80::1%25lo]:${canary.port}/`))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(send(`http://[::1%25lo]:${canary.port}/`))).toBe("INVALID_ARGUMENT");
    expect(canary.hits).toHaveLength(0);
  });

  test("by a name that has a public address when it is judged and a private one afterwards", async () => {
    const canary = await startCanary();
    let asked = 0;
    const resolve: ResolveHost = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "192.0.2.1" : "127.0.0.1", family: 4 }];
    };
    // 192.0.2.1 answers nobody; it is allowed here, so that the connection is tried.
    const answer = send(`http://localhost:${canary.port}/`, {
      resolve,
      allow: ["192.0.2.0/24"],
      options: { limits: { responseBytes: 1, headerBytes: 4096, connectMs: 200 } },
    });
    expect(await codeOf(answer)).toBe("OUTBOUND_UNREACHABLE");
    expect([asked, canary.hits.length]).toEqual([1, 0]);
  });

  test.each([301, 302, 303, 307, 308])("by a redirect with %d from an allowed server", async (status) => {
    const canary = await startCanary();
    const targets = ["127.0.0.1", "0x7f000001", "[::ffff:7f00:1]", "2130706433"];
    for (const target of targets) {
      const door = await startCanary((_, response) =>
        response.writeHead(status, { location: `http://${target}:${canary.port}/` }).end(),
      );
      expect(await codeOf(send(`http://127.0.0.1:${door.port}/`, { allow: [`127.0.0.1:${door.port}`] }))).toBe(
        "OUTBOUND_REFUSED",
      );
      expect(door.hits).toHaveLength(1);
    }
    expect(canary.hits).toHaveLength(0);
  });

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "data:text/plain,x", "//", "nonsense"])(
    "by a redirect to %s",
    async (location) => {
      const door = await startCanary((_, response) => response.writeHead(302, { location }).end());
      const code = await codeOf(send(`http://127.0.0.1:${door.port}/a`, { allow: ["127.0.0.1"] }));
      expect(["OUTBOUND_REFUSED", "INVALID_RESPONSE"]).toContain(code);
    },
  );
});

describe("sendOutside", () => {
  const allow = ["127.0.0.1"];

  test("sends method, headers and body, and answers status, headers and body", async () => {
    const received: { body: string; length: string | undefined }[] = [];
    const server = await startCanary((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        received.push({ body, length: request.headers["content-length"] });
        response.writeHead(201, "Made", { "x-a": ["1", "2"] }).end("done");
      });
    });

    const response = await send(`http://127.0.0.1:${server.port}/x?y=1`, {
      allow,
      method: "PUT",
      headers: { "x-key": "k" },
      body: "grüße",
    });

    expect(response).toMatchObject({ status: 201, statusText: "Made", url: `http://127.0.0.1:${server.port}/x?y=1` });
    expect(response.body.toString()).toBe("done");
    expect(response.headers["x-a"]).toBe("1, 2");
    expect(received).toEqual([{ body: "grüße", length: "7" }]);
    expect(server.hits[0]).toMatchObject({ method: "PUT", url: "/x?y=1", headers: { "x-key": "k" } });
  });

  test.each([
    ["gzip", gzipSync],
    // By default it packs as small as it can, which takes seconds.
    ["br", (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])("unpacks %s, up to the limit of what comes out", async (encoding, pack) => {
    const answerWith =
      (bytes: number): RequestListener =>
      (_, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(pack(Buffer.alloc(bytes, "x")));
    const small = await startCanary(answerWith(9000));
    const bomb = await startCanary(answerWith(50_000_000));
    expect((await send(`http://127.0.0.1:${small.port}/`, { allow })).body.length).toBe(9000);
    expect(await codeOf(send(`http://127.0.0.1:${bomb.port}/`, { allow }))).toBe("RESPONSE_TOO_LARGE");
  });

  test("a body that is not what its packing says is refused; no body needs no packing", async () => {
    const broken = await startCanary((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"));
    const empty = await startCanary((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end());
    expect(await codeOf(send(`http://127.0.0.1:${broken.port}/`, { allow }))).toBe("INVALID_RESPONSE");
    expect((await send(`http://127.0.0.1:${empty.port}/`, { allow, method: "HEAD" })).body.length).toBe(0);
  });

  test("an endless body ends at the limit, and so do endless headers", async () => {
    const flood = await startCanary((_, response) => pour(response));
    const headers = await startCanary((_, response) => response.setHeader("x", "y".repeat(8000)).end());
    expect(await codeOf(send(`http://127.0.0.1:${flood.port}/`, { allow }))).toBe("RESPONSE_TOO_LARGE");
    expect(await codeOf(send(`http://127.0.0.1:${headers.port}/`, { allow }))).toBe("RESPONSE_TOO_LARGE");
  });

  test("a server that drips ends at the total timeout, in its headers as in its body", async () => {
    const drip = await startCanary((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(timer));
    });
    const dripHeaders = await startTcp((write, onClose) => {
      write("HTTP/1.1 200 OK\r\nx: ");
      const timer = setInterval(() => write("."), 10);
      onClose(() => clearInterval(timer));
    });
    for (const port of [drip.port, dripHeaders]) {
      const answer = send(`http://127.0.0.1:${port}/`, { allow, options: { timeoutMs: 300 } });
      await expect(answer).rejects.toMatchObject({ code: "TIMEOUT" });
    }
  });

  test("a stop ends it with the stop's own reason", async () => {
    const server = await startCanary(() => {});
    const controller = new AbortController();
    const answer = send(`http://127.0.0.1:${server.port}/`, { allow, options: { signal: controller.signal } });
    await expect.poll(() => server.hits.length).toBe(1);
    controller.abort(new Error("stopped by hand"));
    await expect(answer).rejects.toThrow("stopped by hand");
  });

  test("nobody there, no HTTP, a connection that breaks: each is told", async () => {
    const noHttp = await startTcp((write) => write("SSH-2.0-x\r\n"));
    const broken = await startCanary((_, response) => {
      response.writeHead(200, { "content-length": "100" }).write("x", () => response.socket?.destroy());
    });
    const mute = await startCanary((_, response) => void response.socket?.destroy());
    expect(await codeOf(send("http://127.0.0.1:1/", { allow }))).toBe("OUTBOUND_UNREACHABLE");
    expect(await codeOf(send(`http://127.0.0.1:${noHttp}/`, { allow }))).toBe("INVALID_RESPONSE");
    await expect(send(`http://127.0.0.1:${broken.port}/`, { allow })).rejects.toMatchObject({
      code: "OUTBOUND_UNREACHABLE",
      message: `127.0.0.1:${broken.port} broke off in the middle of its answer`,
    });
    await expect(send(`http://127.0.0.1:${mute.port}/`, { allow })).rejects.toMatchObject({
      code: "OUTBOUND_UNREACHABLE",
      message: `127.0.0.1:${mute.port} closed the connection without an answer`,
    });
    await expect(send(`https://127.0.0.1:${broken.port}/`, { allow })).rejects.toMatchObject({
      code: "INVALID_RESPONSE",
      message: `127.0.0.1:${broken.port} does not answer with TLS; write http:// if it has none`,
    });
  });
});

describe("redirects", () => {
  const allow = ["127.0.0.1", "localhost"];

  test("another origin gets neither keys nor cookies; the same one does", async () => {
    const target = await startCanary();
    const door = await startCanary((request, response) => {
      const location = request.url === "/1" ? "/2" : `http://localhost:${target.port}/`;
      response.writeHead(307, { location }).end();
    });

    const headers = { authorization: "Bearer k", cookie: "c", "x-api-key": "k", accept: "a/b", "content-type": "t/x" };
    await send(`http://127.0.0.1:${door.port}/1`, { allow, method: "POST", body: "b", headers });

    expect(door.hits.map(({ headers }) => headers.authorization)).toEqual(["Bearer k", "Bearer k"]);
    expect(target.hits[0]?.method).toBe("POST");
    const seen = target.hits[0]?.headers ?? {};
    expect(seen).toMatchObject({ accept: "a/b", "content-type": "t/x", "content-length": "1" });
    for (const name of ["authorization", "cookie", "x-api-key"]) expect(seen[name]).toBeUndefined();
  });

  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [302, "PUT", "PUT"],
    [307, "POST", "POST"],
    [308, "DELETE", "DELETE"],
  ])("%d after %s asks by %s", async (status, method, expected) => {
    const server = await startCanary((request, response) => {
      if (request.url === "/") response.writeHead(status, { location: "/next" });
      response.end();
    });
    await send(`http://127.0.0.1:${server.port}/`, { allow, method });
    expect(server.hits.map(({ method }) => method)).toEqual([method, expected]);
  });

  test("what goes wrong behind one names the address that it led to, without its query", async () => {
    const server = await startCanary((_, response) =>
      response.writeHead(302, { location: "http://127.0.0.9/a?key=k" }).end(),
    );
    await expect(send(`http://127.0.0.1:${server.port}/`, { allow })).rejects.toMatchObject({
      code: "OUTBOUND_REFUSED",
      message: expect.stringMatching(
        /^after a redirect to http:\/\/127\.0\.0\.9\/a: 127\.0\.0\.9 is a loopback address/,
      ),
    });
  });

  test("a circle ends, and redirects may be left to the caller", async () => {
    const server = await startCanary((_, response) => response.writeHead(302, { location: "/" }).end());
    expect(await codeOf(send(`http://127.0.0.1:${server.port}/`, { allow }))).toBe("INVALID_RESPONSE");
    expect(server.hits).toHaveLength(6);
    const options = { followRedirects: false };
    expect((await send(`http://127.0.0.1:${server.port}/`, { allow, options })).status).toBe(302);
  });
});

function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write("x".repeat(1000)));
  if (!response.destroyed) response.once("drain", () => pour(response));
}

async function startTcp(talk: (write: (text: string) => void, onClose: (listener: () => void) => void) => void) {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    talk(
      (text) => socket.writable && socket.write(text),
      (listener) => socket.on("close", listener),
    );
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
