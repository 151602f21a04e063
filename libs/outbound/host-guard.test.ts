import { describe, expect, test } from "vitest";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { AppError } from "#errors/app-error.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { createHostGuard } from "./host-guard.ts";
import type { OutboundResponse } from "./outbound-exchange.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const never = { signal: new AbortController().signal, isExpected: () => false };

function responseOf(status: number, headers: Readonly<Record<string, string>> = {}): OutboundResponse {
  return { status, statusText: "", headers, body: Buffer.alloc(0), url: "" };
}

function open() {
  const clock = createManualClock();
  const guard = createHostGuard({ policy: defaultPolicies.host, clock, logger });
  const ask = (
    host: string,
    answer: OutboundResponse | Error,
    isExpected: (status: number) => boolean = never.isExpected,
  ): Promise<unknown> =>
    guard
      .run(
        new URL(`http://${host}/path`),
        () => ("status" in answer ? Promise.resolve(answer) : Promise.reject(answer)),
        { ...never, isExpected },
      )
      .catch((thrown: unknown) => thrown);
  const askOften = async (count: number, host: string, answer: OutboundResponse | Error): Promise<void> => {
    for (let asked = 0; asked < count; asked += 1) await ask(host, answer);
  };
  const openHosts = (): readonly string[] =>
    guard.breakers.filter(({ state }) => state === "open").map(({ name }) => name);
  return { guard, clock, ask, askOften, openHosts };
}

const timedOut = Object.assign(new Error("This operation was aborted"), {
  name: "AbortError",
  cause: new DOMException("too late", "TimeoutError"),
});
const cancelled = Object.assign(new Error("This operation was aborted"), {
  name: "AbortError",
  cause: new Error("stop"),
});

describe("a host", () => {
  test("is not in trouble where it answers with a status of the 500s that is asked for", async () => {
    const { ask, openHosts } = open();
    const is500 = (status: number): boolean => status === 500;
    for (let count = 0; count < 20; count += 1)
      expect(await ask("bad.example", responseOf(500), is500)).toMatchObject({ status: 500 });
    expect(openHosts()).toEqual([]);
    for (let count = 0; count < 20; count += 1) await ask("bad.example", responseOf(502), is500);
    expect(openHosts()).toEqual(["host bad.example"]);
  });

  test.each([
    ["that can't be reached", new AppError("OUTBOUND_UNREACHABLE", "it is away")],
    ["that answers 500", responseOf(500)],
    ["that answers 503 without a word when", responseOf(503)],
    ["that answers too late", timedOut],
  ])("%s is left alone after some requests, and others are not", async (_, answer) => {
    const { ask, askOften, openHosts } = open();
    await askOften(15, "bad.example:8080", answer);
    expect(openHosts()).toEqual(["host bad.example:8080"]);
    expect(await ask("bad.example:8080", responseOf(200))).toMatchObject({
      code: "OUTBOUND_UNREACHABLE",
      message: expect.stringContaining("left alone for 30000 ms more"),
      details: { retry_in_ms: 30_000 },
    });
    expect(await ask("good.example", responseOf(200))).toMatchObject({ status: 200 });
    expect(await ask("bad.example", responseOf(200))).toMatchObject({ status: 200 });
  });

  test("gives its answers to who asked, also those that count against it", async () => {
    const { ask } = open();
    expect(await ask("a.example", responseOf(500))).toMatchObject({ status: 500 });
    expect(await ask("a.example", timedOut)).toBe(timedOut);
  });

  test.each([
    ["what was asked was wrong", responseOf(404)],
    ["who asks may not", responseOf(403)],
    ["its certificate is not trusted", new AppError("OUTBOUND_UNTRUSTED", "no")],
    ["its answer is too large", new AppError("RESPONSE_TOO_LARGE", "no")],
    ["the task was stopped", cancelled],
  ])("is in no trouble where %s", async (_, answer) => {
    const { askOften, openHosts } = open();
    await askOften(50, "a.example", answer);
    expect(openHosts()).toEqual([]);
  });

  test("is asked again when its time is over, and as before once it answers", async () => {
    const { clock, ask, askOften, openHosts, guard } = open();
    await askOften(15, "a.example", responseOf(500));
    clock.advance(30_000);
    for (let asked = 0; asked < 8; asked += 1)
      expect(await ask("a.example", responseOf(asked === 3 ? 500 : 200))).toHaveProperty("status");
    expect([openHosts(), guard.breakers[0]?.state]).toEqual([[], "closed"]);
  });

  test.each([
    ["429", responseOf(429)],
    ["503 with Retry-After", responseOf(503, { "retry-after": "120" })],
  ])("that answers %s is asked less and never left alone", async (_, answer) => {
    const { guard, clock, ask, openHosts } = open();
    await ask("a.example", responseOf(200));
    clock.advance(100);
    await ask("a.example", answer);
    const waiting = guard.run(new URL("http://a.example/"), async () => responseOf(200), never);
    expect(clock.timerCount()).toBe(1);
    clock.advance(200);
    expect(await waiting).toMatchObject({ status: 200 });
    expect(openHosts()).toEqual([]);
  });
});

test("so many hosts are remembered, those that were asked last", async () => {
  const { guard, ask } = open();
  for (let number = 0; number < 600; number += 1) {
    await ask(`h${number}.example`, responseOf(200));
    await ask("often.example", responseOf(200));
  }
  expect(guard.breakers).toHaveLength(500);
  expect(guard.breakers.map(({ name }) => name)).toContain("host often.example");
  expect(guard.breakers.map(({ name }) => name)).not.toContain("host h0.example");
});
