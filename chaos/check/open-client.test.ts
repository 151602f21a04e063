import { expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "#testing/template-database.ts";
import { openClient } from "./open-client.ts";

it("waits for a connection where others hold all that there are", async () => {
  const { connectionString } = await createTestDatabase();
  const admin = await openClient(connectionString);
  const role = `crowded_${process.pid}`;
  await admin.query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 1`);
  const url = new URL(connectionString);
  url.username = role;
  const first = await openClient(url.href);
  const second = openClient(url.href);
  onTestFinished(async () => {
    await (await second).end();
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });
  await first.end();
  expect((await (await second).query("SELECT current_user AS name")).rows).toEqual([{ name: role }]);
});

it("does not wait where there is no server", async () => {
  await expect(openClient("postgresql://nobody@127.0.0.1:1/none")).rejects.toThrow("ECONNREFUSED");
});
