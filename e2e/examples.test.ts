import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { startDev, useDeployment } from "./harness.ts";
import { type MailSink, startMailSink } from "./harness/mail-sink.ts";
import { createRestClient, type Json, type SeenRun } from "./harness/rest-client.ts";
import { runCli } from "./harness/run-cli.ts";
import { startWebSink, type WebSink } from "./harness/web-sink.ts";

const folderOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

let web: WebSink;
let mail: MailSink;
let data = "";
const deployment = useDeployment(async () => {
  [web, mail] = await Promise.all([startWebSink(), startMailSink()]);
  data = await mkdtemp(join(tmpdir(), "millrace-examples-"));
  const started = await startDev({
    environment: {
      MILLRACE_WORKER_SLOTS: "4",
      MILLRACE_OUTBOUND_ALLOW: "127.0.0.1",
      MILLRACE_CONN_EXAMPLE_SHOP: `sqlite://${join(data, "shop.db")}`,
      MILLRACE_CONN_EXAMPLE_SERVER: web.url,
      MILLRACE_CONN_SHOP_MAIL: mail.address,
      MILLRACE_CONN_SHOP_TEAM: JSON.stringify({ type: "slack", url: `${web.url}/team` }),
      MILLRACE_CONN_SHOP_SYSTEM: web.url,
      MILLRACE_SECRET_SHOP_HOOK_KEY: "a key that nobody guesses",
    },
  });
  await cp(folderOf("examples"), started.dagsFolder, { recursive: true });
  for (const { name, text } of await readDocumented()) await started.writeDefinition(`documented/${name}.yaml`, text);
  return started;
});

afterAll(async () => {
  web.close();
  mail.close();
  await rm(data, { recursive: true, force: true });
});

const client = createRestClient(() => deployment().url);

/** Triggers once the DAG is there, and answers the run when it has ended. */
async function run(dagId: string, parameters: Json = {}): Promise<SeenRun> {
  const status = async () => (await client.call(`dags/${dagId}`)).status;
  await eventually(status, (seen) => expect(seen).toBe(200));
  return client.ended(await client.trigger(dagId, { parameters }));
}

/** Definitions in the pages of the kinds of work, by their ids. */
async function readDocumented(): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const pages = await readdir(folderOf("docs/operators"));
  const texts = await Promise.all(pages.map((page) => readFile(join(folderOf("docs/operators"), page), "utf8")));
  const blocks = texts.flatMap((text) =>
    [...text.matchAll(/```yaml\n(id: [\s\S]*?)```/g)].map((match) => match[1] ?? ""),
  );
  return blocks.map((text) => ({ name: /^id: (\S+)$/m.exec(text)?.[1] ?? "", text }));
}

describe("the examples", () => {
  test("and those of the documentation are all valid, and each kind of work has one", async () => {
    const validated = await runCli(["validate", deployment().dagsFolder]);
    expect(validated).toMatchObject({ exitCode: 0 });
    const texts = (await readDocumented()).map(({ text }) => text).join("\n");
    const schema = JSON.parse(await readFile(folderOf("gen/schemas/dag.json"), "utf8")) as {
      definitions: { task: { properties: { type: { enum: readonly string[] } } } };
    };
    for (const type of schema.definitions.task.properties.type.enum) expect(texts).toContain(`type: ${type}`);
  });

  test("order_report takes orders out of a database, sums them up, and puts the sums back", async () => {
    const seen = await run("order_report", { day: "2026-03-04" });
    expect(seen.state).toBe("success");
    const log = await client.log(seen, "report");
    expect(log).toContain("Orders of 2026-03-04: 49.75 in all");
    expect(log).toContain('[{"region":"eu","orders":2,"amount":19.75},{"region":"us","orders":1,"amount":30}]');
  });

  test("shop_day runs another DAG and waits for it", async () => {
    const seen = await run("shop_day");
    expect(seen.state).toBe("success");
    expect(await client.log(seen, "good_night")).toContain("the report of 2026-01-31 ended success as order_report__");
  });

  test("shop_notices tells a system when all went well, and people when not", async () => {
    const well = await run("shop_notices");
    expect(well).toMatchObject({
      state: "success",
      tasks: {
        tell_system: { state: "success" },
        tell_team: { state: "success" },
        mail_failure: { state: "skipped" },
      },
    });
    expect(web.requests.find(({ url }) => url === "/done")?.headers).toHaveProperty("x-millrace-signature");
    const badly = await run("shop_notices", { fail: true });
    expect(badly).toMatchObject({
      state: "failed",
      tasks: { mail_failure: { state: "success" }, tell_team: { state: "success" } },
    });
    expect(mail.mails.join("\n")).toContain("Subject: shop_notices failed");
  });

  test("inbox makes a run of a file that comes in", async () => {
    const state = async () => (await client.call("sensors/inbox/new_csv")).json["state"];
    await eventually(state, (seen) => expect(seen).toBe("active"));
    await writeFile(join(deployment().dagsFolder, "inbox", "orders.csv"), "name,amount\nada,3\n");
    const latest = async () => (await client.call("dags/inbox/runs/latest")).json["dag_run_id"];
    await eventually(latest, (seen) => expect(seen).toEqual(expect.any(String)));
    const seen = await client.ended(String(await latest()));
    expect(await client.log(seen, "report")).toContain("orders.csv has 2 line(s)");
  });

  test.each(["quickstart", "fan-out", "retries", "sqlite_shop", "http_check", "shop_report_orders"])(
    "%s ends as a success",
    async (dagId) => {
      expect((await run(dagId)).state).toBe("success");
    },
  );

  test("failure fails as it says", async () => {
    const { state, tasks } = await run("failure");
    expect(state).toBe("failed");
    expect(tasks).toMatchObject({
      load: { state: "upstream_failed" },
      archive: { state: "success" },
      clean_up: { state: "success" },
    });
  });

  test.each(["collect", "count_letters", "after_hours", "gather", "rehearsal"])(
    "%s of the documentation ends as a success",
    async (dagId) => {
      expect((await run(dagId)).state).toBe("success");
    },
  );
});
