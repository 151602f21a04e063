import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { OperatorResult } from "../operator.ts";
import { createTestContext, createTestHost } from "../operator-context.testsuite.ts";
import { httpOperator, httpSchema } from "./http-operator.ts";
import { parseRetryAfter } from "./http-outcome.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A server on loopback, with what it received. */
async function serve(answer: RequestListener): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      received.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      answer(request, response);
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

interface Given {
  readonly allow?: readonly string[];
  readonly connections?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly lines?: string[];
}

function run(
  config: Record<string, unknown>,
  { allow = ["127.0.0.1"], connections = {}, signal, lines = [] }: Given = {},
) {
  const host = createTestHost({ allow, connections });
  const log = (_source: string, text: string): void => void lines.push(text);
  return httpOperator.execute(createTestContext({ config, host, log, ...(signal === undefined ? {} : { signal }) }));
}

const json =
  (value: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(value));
const plain =
  (status: number, text = "", headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(text);

function outputsOf(result: OperatorResult): Readonly<Record<string, unknown>> {
  return result.kind === "success" ? (result.outputs ?? {}) : { failed: result };
}

describe("outputs", () => {
  test("JSON comes as its value, with status and headers, keys of sessions left out", async () => {
    const { url } = await serve((request, response) => {
      response.setHeader("set-cookie", "session=1").setHeader("x-a", "b");
      json({ a: [1] })(request, response);
    });
    const outputs = outputsOf(await run({ url }));
    expect(outputs).toMatchObject({ status: 200, body: { a: [1] }, headers: { "x-a": "b" } });
    expect(outputs["headers"]).not.toHaveProperty("set-cookie");
  });

  test.each([
    ["text/plain", "grüße", "grüße"],
    ["application/problem+json", "[1]", [1]],
    ["application/json", "no json", "no json"],
    ["", "x", "x"],
  ])("%s with the body %s", async (type, text, body) => {
    const { url } = await serve(plain(200, text, type === "" ? {} : { "content-type": type }));
    expect(outputsOf(await run({ url }))["body"]).toEqual(body);
  });

  test("text is read by its charset; what is no text is refused, unless the body is left away", async () => {
    const bytes =
      (type: string): RequestListener =>
      (_, response) =>
        response.writeHead(200, { "content-type": type }).end(Buffer.from([0xfc, 0xff]));
    const latin = await serve(bytes("text/plain; charset=ISO-8859-1"));
    const image = await serve(bytes("image/png"));
    expect(outputsOf(await run({ url: latin.url }))["body"]).toBe("üÿ");
    expect(await run({ url: image.url })).toMatchObject({
      code: "invalid_output",
      message: "the body (2 bytes, image/png) is no text; set response_output: false, or fetch it with bash",
    });
    expect(outputsOf(await run({ url: image.url, response_output: false }))).toEqual({
      status: 200,
      headers: expect.anything(),
    });
  });

  test("a body that never ends is left at the limit, with a way out", async () => {
    const pour = (response: ServerResponse): void => {
      while (!response.destroyed && response.write("x".repeat(100_000)));
      if (!response.destroyed) response.once("drain", () => pour(response));
    };
    const { url } = await serve((_, response) => pour(response.writeHead(200)));
    expect(await run({ url })).toMatchObject({
      code: "invalid_output",
      message: expect.stringMatching(/4194304 bytes, which is the limit; set response_output: false, or fetch it into/),
    });
    expect(await run({ url, response_output: false })).toMatchObject({ kind: "success" });
  });

  test("the body may have another name", async () => {
    const { url } = await serve(json(1));
    expect(outputsOf(await run({ url, response_output: "answer" }))).toMatchObject({ answer: 1 });
  });
});

describe("the request", () => {
  test("a body that is no text is sent as JSON, by POST", async () => {
    const { url, received } = await serve(plain(204));
    await run({ url, body: { a: 1 }, headers: { "X-Key": 5 } });
    expect(received).toMatchObject([
      { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json", "x-key": "5" } },
    ]);
  });

  test("a content type that is given stays, and so does a method", async () => {
    const { url, received } = await serve(plain(204));
    await run({ url, method: "PUT", body: "<a/>", headers: { "Content-Type": "application/xml" } });
    expect(received).toMatchObject([{ method: "PUT", body: "<a/>", headers: { "content-type": "application/xml" } }]);
  });

  test("basic and bearer authentication", async () => {
    const { url, received } = await serve(plain(200));
    await run({ url, auth: { type: "basic", username: "me", password: "wörd" } });
    await run({ url, auth: { type: "bearer", token: "t" } });
    const encoded = Buffer.from("me:wörd").toString("base64");
    expect(received.map(({ headers }) => headers["authorization"])).toEqual([`Basic ${encoded}`, "Bearer t"]);
  });

  test("a connection gives address, headers and authentication; fields win", async () => {
    const { url, received } = await serve(plain(200));
    const api = JSON.stringify({
      type: "http",
      url: `${url}/v1/`,
      headers: { A: "1", B: "1" },
      auth: { type: "bearer", token: "t" },
    });
    await run({ connection: "api", url: "/items?x=1", headers: { b: "2" } }, { connections: { api } });
    await run({ connection: "api", url: "?y=1" }, { connections: { api } });
    await run({ connection: "api" }, { connections: { api } });
    expect(received.map((each) => each.url)).toEqual(["/v1/items?x=1", "/v1?y=1", "/v1/"]);
    expect(received[0]?.headers).toMatchObject({ a: "1", b: "2", authorization: "Bearer t" });
  });

  test.each([
    "http://127.0.0.1:1/",
    "//127.0.0.1:1/",
    "../../other",
    "..\\other",
    "\\\\127.0.0.1",
    "x/%2e%2e/%2e%2e/%2e%2e/y",
  ])("a connection's keys go nowhere but below its address: %s", async (path) => {
    const { url, received } = await serve(plain(200));
    const result = await run({ connection: "api", url: path }, { connections: { api: `${url}/v1` } });
    expect(result).toMatchObject({ code: "configuration", retryable: false });
    expect(received).toEqual([]);
  });

  test("what can't be sent is told before anything is", async () => {
    expect(await run({ url: "nonsense" })).toMatchObject({
      code: "configuration",
      message: '"nonsense" is not a web address; write one that begins with https:// or http://',
    });
    expect(await run({ url: "http://127.0.0.1/", method: "BREW" })).toMatchObject({ code: "configuration" });
    expect(await run({ url: "http://127.0.0.1/", expected_status: "ok" })).toMatchObject({ code: "configuration" });
    expect(await run({ connection: "apy" }, { connections: { api: "http://a.example" } })).toMatchObject({
      code: "configuration",
      message: "there is no connection apy here; did you mean api?",
    });
    expect(await run({ url: "http://127.0.0.1/", headers: { "a b": "c" } })).toMatchObject({ code: "configuration" });
    expect(await run({ url: "http://127.0.0.1/", headers: { a: "b\r\nc: d" } })).toMatchObject({
      code: "configuration",
    });
  });
});

describe("failures", () => {
  test.each([
    [500, true],
    [502, true],
    [503, true],
    [504, true],
    [429, true],
    [408, true],
    [400, false],
    [401, false],
    [404, false],
    [501, false],
    [301, false],
  ])("%d is tried again: %s", async (status, retryable) => {
    const { url } = await serve(plain(status, "what is wrong"));
    expect(await run({ url: `${url}/a?key=secret` })).toMatchObject({
      code: "http_status",
      retryable,
      message: expect.stringMatching(new RegExp(`^GET ${url}/a answered ${status} .*, expected 2xx: what is wrong$`)),
    });
  });

  test.each([
    [200, [200, 404], true],
    [404, [200, "404"], true],
    [204, 200, false],
    [301, "3xx", true],
  ])("%d is expected of %j: %s", async (status, expected_status, isExpected) => {
    const { url } = await serve(plain(status));
    expect((await run({ url, expected_status })).kind).toBe(isExpected ? "success" : "failed");
  });

  test("the server's Retry-After becomes the least delay", async () => {
    const { url } = await serve(plain(429, "", { "retry-after": "7" }));
    expect(await run({ url })).toMatchObject({ retryAfterMs: 7000, retryable: true });
    const now = Date.UTC(2026, 0, 1);
    expect(parseRetryAfter("Thu, 01 Jan 2026 00:01:00 GMT", now)).toBe(60_000);
    expect(parseRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
    expect(parseRetryAfter("99999999", now)).toBe(86_400_000);
    expect(parseRetryAfter("soon", now)).toBeNull();
    expect(parseRetryAfter(undefined, now)).toBeNull();
  });

  test("nobody there is tried again, a refused address is not", async () => {
    expect(await run({ url: "http://127.0.0.1:1/" })).toMatchObject({ code: "connection", retryable: true });
    expect(await run({ url: "http://127.0.0.1:1/" }, { allow: [] })).toMatchObject({
      code: "outbound_refused",
      retryable: false,
      message: expect.stringContaining("127.0.0.1 is a loopback address"),
    });
  });

  test("a stop ends it at once", async () => {
    const { url, received } = await serve(() => {});
    const controller = new AbortController();
    const result = run({ url }, { signal: controller.signal });
    await expect.poll(() => received.length).toBe(1);
    controller.abort();
    await expect(result).rejects.toThrow(/abort/);
  });
});

test("one line of log, without the query", async () => {
  const { url } = await serve(plain(200));
  const lines: string[] = [];
  await run({ url: `${url}/a?key=secret` }, { lines });
  expect(lines).toEqual([`GET ${url}/a: 200 OK`]);
});

describe("fields", () => {
  test.each([
    { url: "http://a.example" },
    { connection: "api" },
    { url: "{{ x }}", method: "{{ x }}", expected_status: "{{ x }}", response_output: "{{ x }}", body: [1] },
    { url: "x", expected_status: ["2xx", 404], auth: { type: "bearer", token: "{{ secrets.t }}" } },
  ])("%j fit", (fields) => {
    expect(httpSchema.fields.safeParse(fields).success).toBe(true);
  });

  test.each([
    {},
    { url: "" },
    { url: "x", method: "brew" },
    { url: "x", expected_status: 99 },
    { url: "x", auth: { type: "basic" } },
    { url: "x", response_output: "a b" },
    { url: "x", uri: "y" },
  ])("%j don't", (fields) => {
    expect(httpSchema.fields.safeParse(fields).success).toBe(false);
  });
});
