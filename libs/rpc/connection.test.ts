import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { answersPing, connectTo } from "./connection.ts";

const never = new AbortController().signal;

/** Listens on a free port of the loopback, and answers its base URL. */
async function listen(server: net.Server | http2.Http2Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

describe("a sign of life", () => {
  test("comes from a server, whatever it serves", async () => {
    expect(await answersPing(await listen(http2.createServer()), never)).toBe(true);
  });

  test("does not come where nobody listens, nor from one that hangs up", async () => {
    expect(await answersPing("http://127.0.0.1:1", never)).toBe(false);
    expect(await answersPing(await listen(net.createServer((socket) => socket.destroy())), never)).toBe(false);
  });

  test("is waited for no longer than somebody wants it", async () => {
    const standing = await listen(net.createServer());
    const closing = new AbortController();
    const answer = answersPing(standing, closing.signal);
    closing.abort();
    expect(await answer).toBe(false);
  });
});

test("a call right after one that a failed ping ended fails as well, and ends nothing else", async () => {
  const standing = await listen(net.createServer());
  const pinging = { pingIntervalMs: 30, pingTimeoutMs: 30, idleConnectionTimeoutMs: 1000 };
  const connection = connectTo(standing, pinging);
  onTestFinished(() => connection.close());
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => void process.off("uncaughtException", note));
  const client = createClient(SystemService, connection.withAppErrors);
  for (let call = 0; call < 3; call += 1) {
    await expect(client.getHealth({})).rejects.toMatchObject({ code: "PEER_UNAVAILABLE" });
  }
  expect(uncaught).toEqual([]);
});
