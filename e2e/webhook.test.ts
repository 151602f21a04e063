import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { startCluster, useDeployment } from "./harness.ts";

const secret = "a secret that nobody guesses";
const definition = `id: review
parameters: {user: {type: string, required: true}, number: {type: integer, default: 0}}
webhooks:
  - name: pull-requests
    secret: hook-key
    when: "body.action == 'opened'"
    parameters: {user: body.sender.login, number: body.number}
tasks:
  - {id: greet, type: bash, operator: {bash_command: "echo {{ params.user }} opened {{ params.number }}"}}
`;

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

describe("a webhook", () => {
  const deployment = useDeployment(() =>
    startCluster({ definitions: { "review.yaml": definition }, environment: { MILLRACE_SECRET_HOOK_KEY: secret } }),
  );

  async function send(body: unknown, options: { key?: string; delivery?: string } = {}): Promise<Answer> {
    const { key = secret, delivery = "" } = options;
    const text = JSON.stringify(body);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac("sha256", key).update(`${timestamp}.${delivery}.${text}`).digest("hex");
    const response = await fetch(`${deployment().url}/api/v1/hooks/pull-requests`, {
      method: "POST",
      body: text,
      headers: {
        "x-millrace-timestamp": timestamp,
        "x-millrace-signature": `sha256=${signature}`,
        ...(delivery === "" ? {} : { "x-millrace-delivery": delivery }),
      },
    });
    return { status: response.status, json: (await response.json()) as Answer["json"] };
  }

  it("makes a run of what it is sent, once for each delivery", async () => {
    const body = { action: "opened", sender: { login: "ada" }, number: 7 };
    const answer = await send(body, { delivery: "one" });
    expect(answer).toMatchObject({ status: 202, json: { dag_id: "review", repeated: false } });
    const runId = String(answer.json["dag_run_id"]);
    const read = async () => (await fetch(`${deployment().url}/api/v1/dagRuns/${runId}`)).json();
    await expect.poll(read, { timeout: 30_000 }).toMatchObject({ state: "success" });
    expect(await read()).toMatchObject({
      run_type: "webhook",
      triggered_by: "webhook:pull-requests",
      external_trigger_id: "one",
      parameters: { user: "ada", number: 7 },
    });
    expect(await send(body, { delivery: "one" })).toMatchObject({
      status: 202,
      json: { dag_run_id: runId, repeated: true },
    });
  });

  it("refuses strangers and what does not fit, and leaves out what it is not for", async () => {
    expect(await send({ action: "opened" }, { key: "guessed" })).toMatchObject({ status: 401 });
    expect(await send({ action: "closed" })).toMatchObject({ status: 200, json: { ignored: "`when` is false" } });
    const odd = { action: "opened", sender: { login: 5 }, number: 7 };
    expect(await send(odd)).toMatchObject({ status: 400, json: { error_code: "INVALID_PARAMETERS" } });
  });
});
