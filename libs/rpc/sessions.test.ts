import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { keepSessions } from "./sessions.ts";

const logger = pino({ level: "silent" });

async function serve(): Promise<number> {
  const server = http2.createServer((_request, response) => response.end("ok"));
  const sessions = keepSessions(server, { windowBytes: 1_000_000, logger, intervalMs: 20 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    sessions.end();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

test("a session that leaves pings unanswered is destroyed", async () => {
  const socket = net.connect(await serve(), "127.0.0.1");
  socket.resume();
  const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), emptySettings]));
  await once(socket, "close");
  expect(socket.destroyed).toBe(true);
});

test("a session that answers pings stays", async () => {
  const session = http2.connect(`http://127.0.0.1:${await serve()}`);
  onTestFinished(() => session.destroy());
  let pings = 0;
  session.on("ping", () => {
    pings += 1;
  });
  await expect.poll(() => pings).toBeGreaterThan(4);
  const stream = session.request({ ":path": "/" });
  expect(String(Buffer.concat(await stream.toArray()))).toBe("ok");
});
