import { describe, expect, test } from "vitest";
import type { NewDeadLetter } from "#ports/dead-letter-store.ts";
import { httpRequest, openGateway, textOf } from "../gateway-harness.testsuite.ts";

type Json = Readonly<Record<string, unknown>>;

function letterOf(change: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    ...{ topic: "millrace.tasks.default", partition: 1, offset: 7, reason: "it has no value", reportedBy: "w1" },
    ...{ key: new Uint8Array([107]), value: new Uint8Array([255]), size: 1, isCut: false },
    headers: [{ name: "ticket-version", value: Buffer.from("7") }],
    ...change,
  };
}

function open() {
  const { gateway, store, asked } = openGateway();
  const call = async (method: string, path: string, body?: string): Promise<{ status: number; json: Json }> => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const request = httpRequest(method, `/api/v1/deadLetters${path}`, {
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const response = await gateway.handleHttp(request).catch((thrown: unknown) => thrown as { code: string });
    if ("code" in response) return { status: 0, json: { error_code: response.code } };
    return { status: response.status, json: JSON.parse(await textOf(response)) as Json };
  };
  const park = (change: Partial<NewDeadLetter> = {}) => store.deadLetters.park(letterOf(change), 1000);
  return { call, park, store, asked };
}

describe("/deadLetters", () => {
  test("lists the newest first, of one topic where it is named, without the messages", async () => {
    const { call, park } = open();
    await park();
    await park({ topic: "millrace.tasks.gpu", offset: 8 });
    const { json } = await call("GET", "?limit=1");
    expect(json).toMatchObject({ total_count: 2, page_size: 1 });
    expect(json["dead_letters"]).toMatchObject([
      { id: "2", topic: "millrace.tasks.gpu", offset: 8, key: null, value: null, headers: [], replayed_at: null },
    ]);
    const next = await call("GET", `?limit=1&cursor=${String(json["next_cursor"])}`);
    expect(next.json["dead_letters"]).toMatchObject([{ id: "1" }]);
    for (const path of ["?topic=millrace.tasks.default", "?filter=topic:millrace.tasks.default"])
      expect((await call("GET", path)).json["dead_letters"]).toMatchObject([{ id: "1", further_count: 0 }]);
  });

  test("shows one with its message", async () => {
    const { call, park } = open();
    await park();
    const { json } = await call("GET", "/1");
    expect(json).toMatchObject({ id: "1", key: "aw==", value: "/w==", size: 1, reported_by: "w1" });
    expect(json["headers"]).toEqual([{ name: "ticket-version", value: "Nw==" }]);
    expect((await call("GET", "/2")).json).toMatchObject({ error_code: "DEAD_LETTER_NOT_FOUND" });
    expect((await call("GET", "/x")).json).toMatchObject({ error_code: "DEAD_LETTER_NOT_FOUND" });
  });

  test("replays and drops through an executor, in the caller's name", async () => {
    const { call, park, asked } = open();
    await park();
    const replayed = await call("POST", "/1/replay", "{}");
    expect(replayed).toMatchObject({ status: 200, json: { id: "1", replayed_at: expect.any(String) } });
    const dropped = await call("DELETE", "/1?reason=enough");
    expect(dropped).toMatchObject({ status: 200, json: { id: "1" } });
    expect(asked).toMatchObject([
      { method: "replayDeadLetter", request: { id: "1", caller: "anonymous" } },
      { method: "dropDeadLetter", request: { id: "1", caller: "anonymous", reason: "enough" } },
    ]);
    expect((await call("GET", "")).json).toMatchObject({ dead_letters: [] });
    expect((await call("DELETE", "/1")).json).toMatchObject({ error_code: "DEAD_LETTER_NOT_FOUND" });
  });
});
