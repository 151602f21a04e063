import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toJson } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { OutcomeKind, SessionRequestSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { createTestHost } from "#operators/operator-context.testsuite.ts";
import { formsOf } from "#secrets/secret-forms.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import { bash, type FakeSession } from "./fake-executor.testsuite.ts";
import { toRequest } from "./session-messages.ts";
import { testSecrets, textOf, useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();
const secret = testSecrets.MILLRACE_SECRET_TOKEN;
const marker = "\u{F8FC}secret:00\u{F8FC}";
const secrets = { [marker]: "token" };

async function startSession(...options: Parameters<typeof harness.start>): Promise<FakeSession> {
  await harness.start(...options);
  return harness.executor.waitForSession(1);
}

/** All that the worker said, as it went over the wire: no form of the secret may be in it. */
function expectNothingTold(session: FakeSession): void {
  const said = session.received
    .map((message) => JSON.stringify(toJson(SessionRequestSchema, toRequest(message))))
    .join("\n");
  for (const form of formsOf(secret)) expect(said).not.toContain(form.toString());
}

const logOf = (session: FakeSession): string => textOf(session.all("logChunk")).join("\n");

describe("a secret", () => {
  test("reaches the process that needs it, and its log shows none of its forms", async () => {
    const session = await startSession();
    const code = [
      'test "$V1" = hunter2-token && test "$ENV" = "Bearer hunter2-token" && echo right',
      'echo "$V1"; echo "x$V1$V1" >&2; printf "%s" "$V1" | base64; printf "me:%s" "$V1" | base64; echo "{\\"k\\": \\"$V1\\"}"',
      "env",
    ].join("\n");
    session.assign(...bash("a", code, { values: { V1: marker }, environment: { ENV: `Bearer ${marker}` }, secrets }));
    const outcome = await session.waitFor("outcome");

    expect(outcome.kind).toBe(OutcomeKind.SUCCESS);
    expect(logOf(session)).toMatch(/right\n/);
    expect(logOf(session)).toContain("***\n");
    expect(logOf(session)).toContain("V1=***");
    expectNothingTold(session);
  });

  test("is masked when it is written so slowly that its parts would be shown one by one", async () => {
    const session = await startSession();
    const code = 'printf "%s" "${V1%ter2*}"; while [ ! -e "$GO" ]; do sleep 0.1; done; printf "%s\\n" "${V1#hun}"';
    const go = harness.file("go");
    session.assign(
      ...bash("a", `echo begin; printf before; ${code}`, { values: { V1: marker }, environment: { GO: go }, secrets }),
    );
    // What stands before the secret is shown; its beginning is kept back.
    await expect.poll(() => logOf(session), { timeout: 10_000 }).toBe("begin\nbefore");
    writeFileSync(go, "");
    await session.waitFor("outcome");
    expect(logOf(session).replaceAll("\n", "")).toBe("beginbefore***");
    expectNothingTold(session);
  });

  test("is masked in outputs, in a captured line and in errors", async () => {
    const session = await startSession();
    const parts = { values: { V1: marker }, secrets };
    session.assign(
      ...bash("a", 'echo "k=<$V1>" >> "$MILLRACE_OUTPUT"; echo "last $V1"', { ...parts, captureStdout: true }),
    );
    const done = await session.waitFor("outcome");
    expect(done.outputs.map(({ key, json }) => [key, json])).toEqual([
      ["return_value", '"last ***"'],
      ["k", '"<***>"'],
    ]);
    session.acknowledge(done);
    session.assign(...bash("b", 'echo "can not use $V1" >&2; exit 3', parts));
    const failed = await session.waitFor("outcome", 2);
    expect(failed.errorMessage).toBe("exit code 3: can not use ***");
    expectNothingTold(session);
  });

  test("that is cut off at the end of the output is masked as far as it came", async () => {
    const session = await startSession();
    session.assign(...bash("a", 'printf "hunter2-to"; kill -9 $$', { values: { V1: marker }, secrets }));
    await session.waitFor("outcome");
    expect(logOf(session)).toBe("***");
  });

  test("is put into operators of the worker's own process, and masked in what a server says of it", async () => {
    const received: string[] = [];
    const server = createServer((request, response) => {
      received.push(request.headers.authorization ?? "");
      response.writeHead(request.url === "/ok" ? 200 : 500).end(`you sent ${request.headers.authorization}`);
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const session = await startSession({ host: createTestHost({ allow: ["127.0.0.1"] }) });
    const auth = { type: "bearer", token: marker };

    session.assign("a", "http", { operator: { url: `${url}/ok`, auth }, secrets });
    const done = await session.waitFor("outcome");
    session.acknowledge(done);
    session.assign("b", "http", {
      operator: { url, auth: { type: "basic", username: "me", password: marker } },
      secrets,
    });
    const failed = await session.waitFor("outcome", 2);

    expect(received[0]).toBe(`Bearer ${secret}`);
    expect(done.outputs.find(({ key }) => key === "body")?.json).toBe('"you sent Bearer ***"');
    expect(failed.errorMessage).toContain("expected 2xx: you sent Basic ***");
    expectNothingTold(session);
  });
});

describe("a secret that can't be had", () => {
  test("fails the attempt by its name, before anything runs", async () => {
    const session = await startSession();
    session.assign(...bash("a", "echo ran", { values: { V1: marker }, secrets: { [marker]: "tokn" } }));
    const outcome = await session.waitFor("outcome");
    expect(outcome).toMatchObject({
      kind: OutcomeKind.FAILED,
      errorCode: "configuration",
      errorMessage: "there is no secret tokn here; did you mean token?",
    });
    expect(session.all("logChunk")).toEqual([]);
  });

  test("is waited for, and a stop meanwhile means that nothing runs", async () => {
    const command = "sleep";
    const source = createSecretSource({ environment: { PATH: process.env["PATH"] }, directory: null, command });
    const session = await startSession({ secrets: source });
    // The name is what the command is given: it sleeps for that many seconds.
    session.assign(...bash("a", "echo ran", { values: { V1: marker }, secrets: { [marker]: "9" } }));
    await expect.poll(() => session.all("heartbeat").length + 1).toBeGreaterThan(0);
    const attempt = { dagRunId: "run1", taskId: "a", generation: 1, tryNumber: 1, fence: 1n };
    session.send({ case: "stopOrder", value: { attempt, reason: "cancelled" } });
    await session.waitFor("released");
    expect(session.all("logChunk")).toEqual([]);
  });
});
