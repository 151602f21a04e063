import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { WebhookDefinition } from "#definition/schema/webhook-definition.ts";
import { RunType } from "#gen/millrace/v1/run_service_pb.js";
import type { CreateRunRequest } from "#gen/millrace/v1/scheduler_service_pb.js";
import { openGateway, registerDag } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

const opened: WebhookDefinition = {
  name: "pull.requests",
  secret: "hook-key",
  parameters: { user: "body.user.id", event: "headers['x-event'] | default('none')" },
  when: "body.action == 'opened'",
  logicalDate: "body.at | default(null)",
};
const body = { action: "opened", user: { id: 7 }, text: "grüße" };

interface Sent {
  readonly body: string;
  readonly secret: string;
  readonly atMs: number;
  readonly delivery: string;
  readonly headers: Readonly<Record<string, string>>;
}

function sign({ body: text, secret, atMs, delivery }: Sent): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000));
  const hex = createHmac("sha256", secret).update(`${timestamp}.${delivery}.${text}`).digest("hex");
  return {
    "x-millrace-timestamp": timestamp,
    "x-millrace-signature": `sha256=${hex}`,
    ...(delivery === "" ? {} : { "x-millrace-delivery": delivery }),
  };
}

/** A gateway with one webhook; `send` signs as it should unless told otherwise. */
async function open(webhook: Partial<WebhookDefinition> = {}) {
  const harness = openGateway();
  await registerDag(harness.store, "review", { changes: { webhooks: [{ ...opened, ...webhook }] } });
  const { url } = await harness.serve();
  const send = async (changes: Partial<Sent> = {}, path = "pull.requests") => {
    const usual = {
      body: JSON.stringify(body),
      secret: harness.hookSecret,
      atMs: harness.store.now(),
    };
    const sent: Sent = { ...usual, delivery: "d-1", headers: {}, ...changes };
    const response = await fetch(`${url}/api/v1/hooks/${path}`, {
      method: "POST",
      body: sent.body,
      headers: { ...sign(sent), ...sent.headers },
    });
    return { status: response.status, json: (await response.json()) as Json };
  };
  const asked = () => harness.asked.map(({ request }) => request as CreateRunRequest);
  return { ...harness, url, send, asked };
}

describe("a webhook", () => {
  test("makes a run of a signed request, with the parameters that it maps", async () => {
    const { send, asked } = await open();
    const answer = await send({ headers: { "x-event": "pr", traceparent: "00-1-2-01" } });
    expect(answer).toMatchObject({ status: 202, json: { dag_id: "review", repeated: false, warnings: [] } });
    expect(answer.json["dag_run_id"]).toMatch(/^dag__/);
    expect(asked()).toMatchObject([
      {
        runType: RunType.WEBHOOK,
        caller: "webhook:pull.requests",
        traceparent: "00-1-2-01",
        trigger: { dagId: "review", parameters: { user: 7, event: "pr" }, requestId: "d-1", externalTriggerId: "d-1" },
      },
    ]);
    expect(asked()[0]?.trigger?.executionDate).toBeUndefined();
  });

  test("takes the run's date from the request", async () => {
    const { send, asked } = await open();
    await send({ body: JSON.stringify({ ...body, at: "2026-01-31T02:00:00Z" }) });
    expect(Number(asked()[0]?.trigger?.executionDate?.seconds) * 1000).toBe(Date.parse("2026-01-31T02:00:00Z"));
  });

  test("answers what its `when` leaves out, and makes no run", async () => {
    const { send, asked } = await open();
    const closed = await send({ body: JSON.stringify({ ...body, action: "closed" }) });
    expect(closed).toEqual({ status: 200, json: { ignored: "`when` is false" } });
    expect(await send({ body: "[]" })).toMatchObject({
      status: 200,
      json: { ignored: expect.stringContaining("key") },
    });
    expect(asked()).toEqual([]);
  });

  test("delivered again is the same run, with or without an id", async () => {
    const { send, store } = await open();
    const first = await send();
    expect(await send({ atMs: store.now() + 1000 })).toEqual({ ...first, json: { ...first.json, repeated: true } });
    const atMs = store.now();
    const unnamed = await send({ delivery: "", atMs });
    expect(unnamed.json["dag_run_id"]).not.toBe(first.json["dag_run_id"]);
    expect(await send({ delivery: "", atMs })).toMatchObject({
      json: { dag_run_id: unnamed.json["dag_run_id"], repeated: true },
    });
    expect(await send({ body: JSON.stringify({ ...body, user: { id: 8 } }) })).toMatchObject({ status: 409 });
  });
});

describe("a request is refused", () => {
  test.each<[what: string, changes: (now: number, secret: string) => Partial<Sent>]>([
    ["signed with another secret", () => ({ secret: "some other secret" })],
    ["without a signature", () => ({ headers: { "x-millrace-signature": "" } })],
    ["with half a signature", () => ({ headers: { "x-millrace-signature": `sha256=${"a".repeat(32)}` } })],
    [
      "with another body's signature",
      (atMs, secret) => ({ headers: sign({ body: "{}", secret, atMs, delivery: "d-1", headers: {} }) }),
    ],
    ["of six minutes ago", (now) => ({ atMs: now - 360_000 })],
    ["of six minutes to come", (now) => ({ atMs: now + 360_000 })],
    [
      "with another time than was signed",
      (now) => ({ headers: { "x-millrace-timestamp": String(Math.floor(now / 1000) - 9) } }),
    ],
    ["with another delivery than was signed", () => ({ headers: { "x-millrace-delivery": "d-2" } })],
    ["with a delivery that is no id", () => ({ delivery: "a.b" })],
    ["with a time that is no number", () => ({ headers: { "x-millrace-timestamp": "now" } })],
  ])("%s", async (_, changes) => {
    const { send, asked, store, hookSecret } = await open();
    expect(await send(changes(store.now(), hookSecret))).toMatchObject({
      status: 401,
      json: { error_code: "HOOK_SIGNATURE_INVALID" },
    });
    expect(asked()).toEqual([]);
  });

  test("for a name that no definition in force has", async () => {
    const { send, store } = await open();
    expect(await send({}, "nobody")).toMatchObject({ status: 404, json: { error_code: "HOOK_NOT_FOUND" } });
    expect(await send({}, "%E0%A4%A")).toMatchObject({ status: 404 });
    await store.definitions.archiveFile("review.yaml");
    expect(await send()).toMatchObject({ status: 404 });
  });

  test("that is larger than a mebibyte", async () => {
    const { send } = await open();
    const large = JSON.stringify({ ...body, text: "x".repeat(1024 * 1024) });
    expect(await send({ body: large })).toMatchObject({ status: 413, json: { error_code: "BODY_TOO_LARGE" } });
  });

  test("that is signed but no JSON, or nested too deeply", async () => {
    const { send } = await open();
    expect(await send({ body: "a=1" })).toMatchObject({ status: 400, json: { error_code: "INVALID_ARGUMENT" } });
    expect(await send({ body: "" })).toMatchObject({ status: 400 });
    expect(await send({ body: "[".repeat(200) + "]".repeat(200) })).toMatchObject({ status: 400 });
  });

  test("that lacks what a parameter needs", async () => {
    const { send } = await open();
    const answer = await send({ body: JSON.stringify({ action: "opened" }) });
    expect(answer).toMatchObject({ status: 400, json: { error_code: "VALUE_MISSING" } });
    expect(String(answer.json["message"])).toContain("body.user.id");
  });

  test("with another method than POST", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/api/v1/hooks/pull.requests`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("as long as its secret can't be read here, without naming it", async () => {
    const { send } = await open({ secret: "unset" });
    const answer = await send();
    expect(answer).toMatchObject({ status: 503, json: { error_code: "HOOK_UNAVAILABLE" } });
    expect(JSON.stringify(answer.json)).not.toContain("unset");
  });
});
