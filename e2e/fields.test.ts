import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testing/template-database.ts";
import { fieldRows as rows } from "./fields/field-rows.ts";
import type { Sight } from "./fields/field-row.ts";
import { startDev, useDeployment } from "./harness.ts";
import { eventually } from "./harness/eventually.ts";
import { type MailSink, startMailSink } from "./harness/mail-sink.ts";
import { createRestClient } from "./harness/rest-client.ts";
import { startWebSink, type WebSink } from "./harness/web-sink.ts";

let web: WebSink;
let mail: MailSink;
let database: TestDatabase;
let data = "";
const deployment = useDeployment(async () => {
  [web, mail, database] = await Promise.all([startWebSink(), startMailSink(), createTestDatabase()]);
  data = await mkdtemp(join(tmpdir(), "millrace-fields-"));
  const definitions = rows.flatMap((row) => row.yaml).map((text) => [`${idOf(text)}.yaml`, text] as const);
  return startDev({
    definitions: Object.fromEntries(definitions),
    environment: {
      MILLRACE_WORKER_SLOTS: "8",
      MILLRACE_WORKER_LABELS: "shape=round",
      MILLRACE_EXECUTOR_SCAN_INTERVAL: "500ms",
      MILLRACE_SCHEDULER_POLLING_INTERVAL: "500ms",
      MILLRACE_OUTBOUND_ALLOW: "127.0.0.1",
      MILLRACE_SECRET_HOOK_KEY: "a key that nobody guesses",
      MILLRACE_CONN_FILES: `sqlite://${join(data, "files.db")}`,
      MILLRACE_SECRET_FILES_ADDRESS: `sqlite://${join(data, "files.db")}`,
      MILLRACE_CONN_SERVER: database.connectionString,
      MILLRACE_CONN_WEB: web.url,
      MILLRACE_CONN_MAIL: mail.address,
      MILLRACE_CONN_TEAM: JSON.stringify({ type: "slack", url: `${web.url}/services/team` }),
    },
  });
});

afterAll(async () => {
  web.close();
  mail.close();
  await database.drop();
  await rm(data, { recursive: true, force: true });
});

const client = createRestClient(() => deployment().url);

describe("on one server", () => {
  test("every definition of the table is registered", async () => {
    const ids = rows
      .flatMap((row) => row.yaml)
      .filter((text) => !text.startsWith("template:"))
      .map(idOf);
    const listed = async () => {
      const { json } = await client.call("dags?limit=100");
      return (json["dags"] as { dag_id: string }[]).map((dag) => dag.dag_id);
    };
    await eventually(listed, (seen) => expect(seen).toEqual(expect.arrayContaining(ids)));
    expect((await client.call("importErrors")).json["import_errors"]).toEqual([]);
  });

  test.concurrent.each(rows)("$does", async (row) => {
    if (row.act !== undefined) return row.act(see);
    const id = await client.trigger(idOf(row.yaml[0] ?? ""), { parameters: row.parameters ?? {} });
    const run = await client.ended(id);
    expect(run).toMatchObject({ state: row.ends ?? "success", tasks: row.tasks ?? {}, outputs: row.outputs ?? {} });
    for (const [task, text] of Object.entries(row.logs ?? {})) expect(await client.log(run, task)).toContain(text);
    await row.check?.(see, run);
  });
});

function idOf(text: string): string {
  return /^(?:id| {2}name): (\S+)$/m.exec(text)?.[1] ?? "";
}

const see: Sight = {
  get deployment() {
    return deployment();
  },
  get web() {
    return web;
  },
  get mail() {
    return mail;
  },
  ...client,
};
