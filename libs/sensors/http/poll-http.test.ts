import { expect, test } from "vitest";
import type { HttpSensor } from "#definition/schema/sensor-definition.ts";
import { basis, serve, TestSensor } from "../look-harness.testsuite.ts";

function httpSensor(url: string, changes: Partial<HttpSensor> = {}): HttpSensor {
  return {
    ...basis,
    type: "http",
    url,
    method: "GET",
    headers: {},
    body: null,
    expectedStatus: [200],
    contentPattern: null,
    firesOn: "condition",
    responseFields: null,
    requestTimeoutMs: 5000,
    retryAttempts: 0,
    ...changes,
  };
}

/** A server whose answer is what the test says last. */
async function openServer() {
  const answer = { status: 200, body: "" };
  const seen: { method: string; headers: Readonly<Record<string, unknown>>; body: string }[] = [];
  const url = await serve((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      seen.push({ method: request.method ?? "", headers: request.headers, body });
      response.writeHead(answer.status).end(answer.body);
    });
  });
  return { url, answer, seen };
}

test("it fires when its condition becomes true, starts armed, and is armed again when it is false", async () => {
  const { url, answer } = await openServer();
  const sensor = new TestSensor(httpSensor(url, { contentPattern: '"ready"' }));
  const rounds: [string, number][] = [
    ['{"state":"ready"}', 1],
    ['{"state":"ready"}', 0],
    ['{"state":"down"}', 0],
    ['{"state":"ready"}', 1],
  ];
  expect(await sensor.fired()).toEqual([]);
  for (const [body, count] of rounds) {
    answer.body = body;
    expect(await sensor.fired()).toHaveLength(count);
  }
  answer.status = 503;
  expect(await sensor.fired()).toEqual([]);
  answer.status = 200;
  expect(await sensor.fired()).toEqual([{ url, status: 200 }]);
});

test("a server that is not there is told, and arms it", async () => {
  const sensor = new TestSensor(httpSensor("http://127.0.0.1:1"));
  sensor.state = new Map([["armed", false]]);
  const result = await sensor.poll();
  expect(result).toMatchObject({ firings: [], problem: expect.stringContaining("can't be reached") });
  expect(sensor.state.get("armed")).toBe(true);
});

test("with `on: change` it fires when the body, or the fields of it that count, are others", async () => {
  const { url, answer } = await openServer();
  const whole = new TestSensor(httpSensor(url, { firesOn: "change" }));
  const part = new TestSensor(httpSensor(url, { firesOn: "change", responseFields: ["data.0.v", "none"] }));
  const counts: [number, number][] = [];
  for (const body of ['{"data":[{"v":1}],"at":1}', '{"data":[{"v":1}],"at":2}', '{"data":[{"v":2}],"at":2}']) {
    answer.body = body;
    counts.push([(await whole.fired()).length, (await part.poll()).firings.length]);
  }
  expect(counts).toEqual([
    [0, 0],
    [1, 0],
    [1, 1],
  ]);
  answer.body = '{"data":[{"v":{"b":1,"a":2}}]}';
  expect(await part.fired()).toMatchObject([{ fields: { "data.0.v": { b: 1, a: 2 }, none: null } }]);
  answer.body = '{"data":[{"v":{"a":2,"b":1}}]}';
  expect(await part.fired()).toEqual([]);
  answer.body = "oops";
  await expect(part.poll()).rejects.toThrow("the body is no JSON");
  answer.status = 500;
  await expect(whole.poll()).rejects.toThrow("answers 500");
});

test("what fails is asked for again, as often as it says", async () => {
  let left = 2;
  const url = await serve((_request, response) => {
    left -= 1;
    response.writeHead(left < 0 ? 200 : 502).end();
  });
  const sensor = new TestSensor(httpSensor(url, { retryAttempts: 2 }));
  await sensor.poll();
  expect(await sensor.fired()).toHaveLength(1);
});

test("requests carry method, body, and headers with secrets", async () => {
  const { url, seen } = await openServer();
  const headers = { authorization: ["Bearer ", { from: "secrets", name: "token" }] } as const;
  const sensor = new TestSensor(httpSensor(url, { method: "POST", body: "hello", headers }), {
    environment: { MILLRACE_SECRET_TOKEN: "a long token" },
  });
  await sensor.poll();
  await sensor.poll();
  expect(seen).toMatchObject([{ method: "POST", body: "hello", headers: { authorization: "Bearer a long token" } }]);
});

test("the outbound policy holds, also for what a server redirects to", async () => {
  const { url } = await openServer();
  const elsewhere = await serve((_request, response) => {
    response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
  });
  for (const [address, problem] of [
    [url.replace("127.0.0.1", "10.0.0.1"), "private"],
    [elsewhere, "169.254.169.254"],
  ]) {
    const sensor = new TestSensor(httpSensor(address ?? ""));
    sensor.state = new Map([["armed", true]]);
    await expect(sensor.poll()).rejects.toThrow(problem);
  }
});

test("a pattern that other engines need ages for takes linear time, and a body that is too long for it is an error", async () => {
  const { url, answer } = await openServer();
  answer.body = `${"a".repeat(10_000)}!`;
  const sensor = new TestSensor(httpSensor(url, { contentPattern: "^(a+)+$" }));
  await sensor.poll();
  expect(await sensor.fired()).toEqual([]);
  answer.body = `${"a".repeat(1_000_000)}!`;
  await expect(sensor.poll()).rejects.toThrow(/^`response_content_pattern` is matched with texts of at most \d+ /);
});

test("plain text is looked for in a body of any length", async () => {
  const { url, answer } = await openServer();
  answer.body = `${"a".repeat(3_000_000)}"ready"`;
  const sensor = new TestSensor(httpSensor(url, { contentPattern: '"ready"' }));
  await sensor.poll();
  expect(await sensor.fired()).toHaveLength(1);
});
