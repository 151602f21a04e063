import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { writeResponse } from "./write-response.ts";

/** Serves `body` to a client that connects and reads nothing. */
async function serveDeaf(body: AsyncIterable<string>, stallMs: number): Promise<void> {
  const written = Promise.withResolvers<void>();
  const server = http.createServer((_request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const options = { isHead: false, stallMs, gone: gone.signal };
    written.resolve(writeResponse(response, { status: 200, headers: {}, body }, options));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return written.promise;
}

test("a client that takes nothing is cut off, and the body's source is left", async () => {
  let produced = 0;
  let left = false;
  async function* flood() {
    try {
      for (; ; produced += 1) yield "x".repeat(64 * 1024);
    } finally {
      left = true;
    }
  }
  await serveDeaf(flood(), 100);
  expect(left).toBe(true);
  // What the sockets of this machine hold, not what memory would.
  expect(produced * 64).toBeLessThan(64 * 1024);
});
