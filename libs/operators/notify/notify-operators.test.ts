import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Operator } from "../operator.ts";
import { createTestContext, createTestHost } from "../operator-context.testsuite.ts";
import { emailOperator, emailSchema } from "./email-operator.ts";
import { slackOperator } from "./slack-operator.ts";
import { webhookOperator, webhookSchema } from "./webhook-operator.ts";

/** A server on loopback that answers with one status, and what it received. */
async function serve(status = 200, text = "", more: Record<string, string> = {}) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(status, more).end(text);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** A mail server on loopback that answers recipients of `refused` with 550, and all of `later` with 451. */
async function serveMail() {
  const mails: string[] = [];
  const server = net.createServer((socket) => {
    let mail: string | null = null;
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const take = (line: string): void => {
      if (mail !== null && line !== ".") {
        mail += `${line}\n`;
        return;
      }
      if (mail !== null) {
        mails.push(mail);
        mail = null;
        return say("250 taken");
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "DATA") mail = "";
      if (verb === "RCPT" && line.includes("refused")) return say("550 nobody of that name");
      if (verb === "RCPT" && line.includes("later")) return say("451 busy");
      say(verb === "DATA" ? "354 go on" : verb === "QUIT" ? "221 bye" : "250 well");
    };
    let rest = "";
    say("220 test");
    socket.on("error", () => undefined);
    socket.on("data", (piece) => {
      const lines = (rest + piece.toString()).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { address: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, mails };
}

function run(operator: Operator, config: Record<string, unknown>, connections: Record<string, string> = {}) {
  const kept: string[] = [];
  const lines: string[] = [];
  const result = operator.execute(
    createTestContext({
      config,
      host: createTestHost({ allow: ["127.0.0.1"], connections }),
      environment: { MILLRACE_IDEMPOTENCY_KEY: "run/task/1.1" },
      keepSecret: (secret) => void kept.push(secret),
      log: (_source, text) => void lines.push(text),
    }),
  );
  return { result, kept, lines };
}

describe("webhook", () => {
  test("posts the ids of run and task by default, signed as Millrace's own webhooks ask", async () => {
    const { url, received } = await serve(202);
    const { result } = run(webhookOperator, { url, signing_key: "topsecret" });
    expect(await result).toEqual({ kind: "success", outputs: { status: 202 } });
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(JSON.parse(body)).toEqual({ dag_id: "d", dag_run_id: "r", task_id: "t", try_number: 1 });
    const timestamp = String(headers["x-millrace-timestamp"]);
    const expected = createHmac("sha256", "topsecret").update(`${timestamp}.run/task/1.1.${body}`).digest("hex");
    expect(headers).toMatchObject({ "x-millrace-delivery": "run/task/1.1", "content-type": "application/json" });
    expect(headers["x-millrace-signature"]).toBe(`sha256=${expected}`);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("goes without a signature where no key is given, and fails with what the server says", async () => {
    const { url, received } = await serve(503, "come back later");
    const { result } = run(webhookOperator, { url, body: { state: "done" } });
    expect(await result).toMatchObject({
      kind: "failed",
      code: "http_status",
      retryable: true,
      message: expect.stringContaining("come back later"),
    });
    expect(received[0]?.headers["x-millrace-signature"]).toBeUndefined();
  });

  test("says where a redirect is that it does not follow", async () => {
    const { url, received } = await serve(307, "", { location: "/elsewhere" });
    expect(await run(webhookOperator, { url: `${url}/hook` }).result).toMatchObject({
      code: "http_status",
      message: `POST ${url}/hook answered 307, a redirect to ${url}, which is not followed; give the address that it leads to`,
      retryable: false,
    });
    expect(received).toHaveLength(1);
  });

  test("obeys the outbound policy, and needs an address", async () => {
    const host = createTestHost();
    const refused = await webhookOperator.execute(createTestContext({ config: { url: "http://127.0.0.1:9/" }, host }));
    expect(refused).toMatchObject({ kind: "failed", code: "outbound_refused" });
    expect(webhookSchema.fields.safeParse({ body: {} }).success).toBe(false);
  });
});

describe("slack", () => {
  test("posts to the address of the connection, which nothing shows", async () => {
    const { url, received } = await serve();
    const { result, kept, lines } = run(
      slackOperator,
      { connection: "team", text: "done", blocks: [{ type: "divider" }] },
      {
        team: JSON.stringify({ type: "slack", url: `${url}/services/T0/B0/key` }),
      },
    );
    expect(await result).toMatchObject({ kind: "success" });
    expect(JSON.parse(received[0]?.body ?? "")).toEqual({ text: "done", blocks: [{ type: "divider" }] });
    expect(kept).toEqual([`${url}/services/T0/B0/key`]);
    expect(lines).toEqual(["POST the connection team: 200 OK"]);
  });

  test("fails without telling the address", async () => {
    const { url } = await serve(404, "no_service");
    const team = JSON.stringify({ type: "slack", url: `${url}/services/T0/B0/key` });
    const failed = await run(slackOperator, { connection: "team", text: "done" }, { team }).result;
    expect(failed).toMatchObject({ kind: "failed", code: "http_status", retryable: false });
    expect(JSON.stringify(failed)).toContain("no_service");
    expect(JSON.stringify(failed)).not.toContain("services/T0");
    const api = "https://api.example.com";
    expect(await run(slackOperator, { connection: "api", text: "x" }, { api }).result).toMatchObject({
      code: "configuration",
      message: expect.stringContaining("needs slack"),
    });
  });
});

describe("email", () => {
  const mail = { connection: "mail", to: ["ada@example.com"], subject: "Done", text: "All of it.\n.\nReally." };

  test("sends one mail to all recipients", async () => {
    const { address, mails } = await serveMail();
    const given = { ...mail, cc: "bob@example.com", html: "<b>All</b>" };
    const sent = await run(emailOperator, given, { mail: `${address}?from=millrace@example.com` }).result;
    expect(sent).toMatchObject({
      kind: "success",
      outputs: { rejected: [], message_id: expect.stringContaining("@") },
    });
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(/^From: millrace@example\.com$/m);
    expect(mails[0]).toMatch(/^To: ada@example\.com$/m);
    expect(mails[0]).toMatch(/^Cc: bob@example\.com$/m);
    expect(mails[0]).toMatch(/^Subject: Done$/m);
  });

  test("puts nothing of a field into a header of its own, and reads no file", async () => {
    const { address, mails } = await serveMail();
    const given = { ...mail, subject: "a\r\nBcc: eve@example.com", from: "me@example.com" };
    await run(emailOperator, given, { mail: address }).result;
    expect(mails[0]).not.toMatch(/^Bcc:/m);
  });

  test.each([
    ["refused@example.com", { code: "smtp_status", retryable: false }],
    ["later@example.com", { code: "smtp_status", retryable: true }],
  ])("fails as the server says of %s", async (to, failure) => {
    const { address } = await serveMail();
    const { result } = run(emailOperator, { ...mail, to, from: "me@example.com" }, { mail: address });
    expect(await result).toMatchObject({ kind: "failed", ...failure });
  });

  test.each(["not an address", ["ada@example.com", "bob"], "ada@example.com, bob"])(
    "sends nothing where %j is no address",
    async (to) => {
      const { address, mails } = await serveMail();
      const { result } = run(emailOperator, { ...mail, to, from: "me@example.com" }, { mail: address });
      const message = expect.stringMatching(/^to: "(not an address|(ada@example.com, )?bob)" is no mail address/);
      expect(await result).toMatchObject({ kind: "failed", code: "configuration", message });
      expect(mails).toEqual([]);
    },
  );

  test("ends as soon as it is stopped, and lets go of a server that says nothing", async () => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const connected = once(server, "connection") as Promise<[net.Socket]>;
    await once(server, "listening");
    const stopping = new AbortController();
    const context = createTestContext({
      config: { ...mail, from: "me@example.com" },
      host: createTestHost({ connections: { mail: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` } }),
      signal: stopping.signal,
    });
    const result = emailOperator.execute(context);
    const [socket] = await connected;
    const closed = once(socket.resume(), "close");
    stopping.abort(new Error("stopped"));
    await expect(result).rejects.toThrow("stopped");
    await closed;
  });

  test("says what to write where smtps meets a server that begins without TLS", async () => {
    const { address } = await serveMail();
    const given = { ...mail, from: "me@example.com" };
    const { result } = run(emailOperator, given, { mail: address.replace("smtp:", "smtps:") });
    expect(await result).toMatchObject({ code: "configuration", message: expect.stringContaining("write smtp://") });
  });

  test("fails as a connection where no server is, and as configuration without a sender", async () => {
    const gone = await run(emailOperator, { ...mail, from: "me@example.com" }, { mail: "smtp://127.0.0.1:9" }).result;
    expect(gone).toMatchObject({ kind: "failed", code: "connection" });
    const nobody = await run(emailOperator, mail, { mail: "smtp://127.0.0.1:9" }).result;
    expect(nobody).toMatchObject({ kind: "failed", code: "configuration" });
    expect(emailSchema.fields.safeParse({ connection: "m", to: "a@b.c", subject: "s" }).success).toBe(false);
  });
});
