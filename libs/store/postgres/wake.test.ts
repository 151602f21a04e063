import { Client } from "pg";
import { pino } from "pino";
import { expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "#testing/template-database.ts";
import { wakeTopics } from "../wake-hub.ts";
import { createWake } from "./wake.ts";

const logger = pino({ level: "silent" });

async function openTwo(): Promise<{
  connectionString: string;
  one: Awaited<ReturnType<typeof createWake>>;
  two: Awaited<ReturnType<typeof createWake>>;
}> {
  const database = await createTestDatabase();
  const { connectionString } = database;
  const [one, two] = await Promise.all([
    createWake({ connectionString, logger }),
    createWake({ connectionString, logger }),
  ]);
  onTestFinished(async () => {
    await Promise.all([one.close(), two.close()]);
    await database.drop();
  });
  return { connectionString, one, two };
}

it("tells every topic once after the connection was lost and is back, and works on", async () => {
  const { connectionString, one, two } = await openTwo();
  const heard: string[] = [];
  for (const topic of wakeTopics) one.listen(topic, (detail) => heard.push(`${topic} ${detail}`.trim()));
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace wake' AND datname = current_database()",
  );
  await client.end();
  await expect.poll(() => heard.toSorted(), { timeout: 10_000 }).toEqual([...wakeTopics].toSorted());
  await expect
    .poll(
      () => {
        two.notify("stops", "worker-1");
        return heard;
      },
      { timeout: 10_000 },
    )
    .toContain("stops worker-1");
});

it("does not hear its own hints twice", async () => {
  const { one, two } = await openTwo();
  const heard: string[] = [];
  one.listen("queued", (detail) => heard.push(detail));
  const answered: string[] = [];
  two.listen("queued", (detail) => answered.push(detail));
  one.notify("queued", "first");
  await expect.poll(() => answered).toEqual(["first"]);
  one.notify("queued", "second");
  await expect.poll(() => answered).toEqual(["first", "second"]);
  expect(heard).toEqual(["first", "second"]);
});

it("says only the topic when there are too many details, and details may hold spaces", async () => {
  const { one, two } = await openTwo();
  const heard: string[] = [];
  two.listen("logs", (detail) => heard.push(detail));
  one.notify("logs", "a b  c");
  await expect.poll(() => heard).toEqual(["a b  c"]);
  for (let place = 0; place < 1000; place += 1) one.notify("logs", `${place}`);
  await expect.poll(() => heard).toEqual(["a b  c", ""]);
});

it("reaches another process whatever the topic", async () => {
  const { one, two } = await openTwo();
  const heard: string[] = [];
  for (const topic of wakeTopics) two.listen(topic, () => heard.push(topic));
  for (const topic of wakeTopics) one.notify(topic);
  await expect.poll(() => heard.toSorted()).toEqual([...wakeTopics].toSorted());
});

it("tells others nothing while a listener here is the only one that needs it", async () => {
  const { one, two } = await openTwo();
  let isSole = true;
  const here: string[] = [];
  const there: string[] = [];
  one.listen(
    "outbox",
    (detail) => here.push(detail),
    () => isSole,
  );
  two.listen("outbox", (detail) => there.push(detail));
  one.notify("outbox", "first");
  await expect.poll(() => here).toEqual(["first"]);
  isSole = false;
  one.notify("outbox", "second");
  await expect.poll(() => there).toEqual(["second"]);
  expect(here).toEqual(["first", "second"]);
});
