import { once } from "node:events";
import net from "node:net";
import { type ConnectRouter, createClient } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { SessionRequestSchema, WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import { create } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import { parseAddress } from "./endpoints.ts";
import { type RunningServer, startServer } from "./server.ts";
import { createAddressTransport, createInProcessTransport, createPeerTransport } from "./transport.ts";

const logger = pino({ level: "silent" });
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Answers with its version; `fail` in the headers makes it fail. */
function routes(version: string, calls: string[] = []) {
  return (router: ConnectRouter): void => {
    router.service(SystemService, {
      getHealth: (_request, context) => {
        calls.push(version);
        const code = context.requestHeader.get("fail");
        if (code === "PEER_UNAVAILABLE" || code === "RUN_EXISTS")
          throw new AppError(code, "no", { details: { version } });
        return { status: "healthy", version };
      },
    });
    router.service(WorkerSessionService, {
      async *session(requests) {
        for await (const { message } of requests) {
          if (message.case === "drainNotice") throw new AppError("WORKER_REFUSED", "no");
          yield { message: { case: "drain", value: { reason: version } } };
        }
      },
    });
  };
}

async function serve(version: string, calls: string[] = []): Promise<RunningServer> {
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    routes: routes(version, calls),
    logger,
    closeTimeoutMs: 200,
  });
  closers.push(() => server.close());
  return server;
}

function peer(...addresses: string[]) {
  const transport = createPeerTransport({ addresses, logger });
  closers.push(() => transport.close());
  return createClient(SystemService, transport);
}

const nobody = "127.0.0.1:1";

describe("a peer transport", () => {
  test("calls all addresses in turn, and leaves out those that nobody listens at", async () => {
    const calls: string[] = [];
    const [a, b] = [await serve("a", calls), await serve("b", calls)];
    const client = peer(nobody, `127.0.0.1:${a.port}`, b.url);
    for (let call = 0; call < 4; call += 1) await client.getHealth({});
    expect(calls).toEqual(["a", "b", "a", "b"]);
    await a.close();
    for (let call = 0; call < 3; call += 1) await client.getHealth({});
    expect(calls.slice(4)).toEqual(["b", "b", "b"]);
  });

  test("spreads calls under way, and passes by one that keeps them waiting", async () => {
    const calls: string[] = [];
    const [a, b] = [await serve("a", calls), await serve("b", calls)];
    const silent = net.createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    closers.push(() => silent.close());
    const client = peer(`127.0.0.1:${(silent.address() as net.AddressInfo).port}`, a.url, b.url);
    const giveUp = new AbortController();
    const waiting = client.getHealth({}, { signal: giveUp.signal }).catch(() => "given up");
    for (let call = 0; call < 6; call += 1) await client.getHealth({});
    expect(calls).toEqual(["a", "b", "a", "b", "a", "b"]);
    await Promise.all([client.getHealth({}), client.getHealth({})]);
    expect(calls.slice(6).toSorted()).toEqual(["a", "b"]);
    giveUp.abort();
    expect(await waiting).toBe("given up");
  });

  test("calls one again that has come back, without a call that finds it away", async () => {
    const calls: string[] = [];
    const [a, b] = [await serve("a", calls), await serve("b", calls)];
    const client = peer(a.url, b.url);
    await client.getHealth({});
    await a.close();
    await client.getHealth({});
    const again = await startServer({ host: "127.0.0.1", port: a.port, routes: routes("again"), logger });
    closers.push(() => again.close());
    await vi.waitFor(async () => expect((await client.getHealth({})).version).toBe("again"), { timeout: 20_000 });
  });

  test("can ask each address, and says which of them does not answer", async () => {
    const [a, b] = [await serve("a"), await serve("b")];
    const transport = createPeerTransport({ addresses: [a.url, nobody, b.url], logger });
    closers.push(() => transport.close());
    const answers = (await transport.each()).map((one) =>
      createClient(SystemService, one)
        .getHealth({})
        .then(({ version }) => version)
        .catch((error: unknown) => AppError.from(error).code),
    );
    expect(await Promise.all(answers)).toEqual(["a", "PEER_UNAVAILABLE", "b"]);
    const [first] = await transport.each();
    expect((await transport.each())[0]).toBe(first);
  });

  test("says PEER_UNAVAILABLE with all addresses when none answers", async () => {
    const error = await peer(nobody)
      .getHealth({})
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "PEER_UNAVAILABLE", retryable: true, details: { service: "SystemService" } });
    expect((error as AppError).message).toContain("http://127.0.0.1:1");
  });

  test.each(["RUN_EXISTS", "PEER_UNAVAILABLE"])(
    "throws the AppError %s of a handler and asks nobody else",
    async (code) => {
      const calls: string[] = [];
      const [a, b] = [await serve("a", calls), await serve("b", calls)];
      const call = peer(a.url, b.url).getHealth({}, { headers: { fail: code } });
      await expect(call).rejects.toMatchObject({ code, details: { version: "a" } });
      expect(calls).toEqual(["a"]);
    },
  );

  test("does not repeat a call that may have arrived, and asks the next address the time after", async () => {
    const deaf = net.createServer((socket) => socket.once("data", () => socket.destroy()));
    deaf.listen(0, "127.0.0.1");
    await once(deaf, "listening");
    closers.push(() => deaf.close());
    const calls: string[] = [];
    const b = await serve("b", calls);
    const client = peer(`127.0.0.1:${(deaf.address() as net.AddressInfo).port}`, b.url);
    await expect(client.getHealth({})).rejects.toMatchObject({ code: "PEER_UNAVAILABLE" });
    expect(calls).toEqual([]);
    expect(await client.getHealth({})).toMatchObject({ version: "b" });
  });

  test("gives up at the caller's deadline with TIMEOUT", async () => {
    const silent = net.createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    closers.push(() => silent.close());
    const client = peer(`127.0.0.1:${(silent.address() as net.AddressInfo).port}`);
    await expect(client.getHealth({}, { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
  });
});

describe.each(["one address", "in process"])("a bidirectional stream (%s)", (kind) => {
  async function connect() {
    if (kind === "in process") return createInProcessTransport(routes("a"), { logger });
    const server = await serve("a");
    const transport = createAddressTransport(server.url);
    closers.push(() => transport.close());
    return transport;
  }

  test("carries messages both ways and throws the handler's AppError", async () => {
    async function* requests() {
      yield create(SessionRequestSchema, { message: { case: "heartbeat", value: {} } });
      yield create(SessionRequestSchema, { message: { case: "drainNotice", value: {} } });
    }
    const stream = createClient(WorkerSessionService, await connect()).session(requests());
    const replies = stream[Symbol.asyncIterator]();
    expect((await replies.next()).value?.message).toMatchObject({ case: "drain", value: { reason: "a" } });
    await expect(replies.next()).rejects.toMatchObject({ code: "WORKER_REFUSED" });
  });
});

test("a call in process keeps the code and details of an error", async () => {
  const client = createClient(SystemService, createInProcessTransport(routes("a"), { logger }));
  const call = client.getHealth({}, { headers: { fail: "RUN_EXISTS" } });
  await expect(call).rejects.toMatchObject({ code: "RUN_EXISTS", message: "no", details: { version: "a" } });
});

describe("addresses", () => {
  test.each([
    ["executor:8083", "http://executor:8083"],
    [" http://executor:8083/ ", "http://executor:8083"],
    ["[::1]:8083", "http://[::1]:8083"],
  ])("%s is %s", (address, url) => expect(parseAddress(address)).toBe(url));

  test.each(["", "http://", "a b:1", "host:99999", "http://host:1/path", "ftp://host"])("%j is refused", (address) => {
    expect(() => parseAddress(address)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
  });
});
