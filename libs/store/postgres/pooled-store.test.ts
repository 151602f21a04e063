import { Client } from "pg";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Store } from "#ports/store.ts";
import { registerDag } from "#testing/dag-builder.ts";
import { type Pgbouncer, skipsWithoutPgbouncer, startPgbouncer } from "#testing/pgbouncer.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { newRun, runTask, success } from "#testing/store-driver.ts";
import { createTestDatabase } from "#testing/template-database.ts";
import { openPostgresStore } from "./postgres-store.ts";

const logger = pino({ level: "silent" });
const limits = ["TimeZone = 'UTC'", "lock_timeout = 1000", "idle_in_transaction_session_timeout = 3000"];

interface Bench {
  readonly connectionString: string;
  readonly pooler: Pgbouncer;
  readonly open: () => Promise<Store>;
}

/** A database whose sessions begin with these settings, behind a pooler that has fewer sessions than clients. */
async function prepare(settings: readonly string[]): Promise<Bench> {
  const database = await createTestDatabase();
  const { connectionString } = database;
  const client = new Client({ connectionString });
  await client.connect();
  const name = new URL(connectionString).pathname.slice(1);
  for (const setting of settings) await client.query(`ALTER DATABASE ${name} SET ${setting}`);
  await client.end();
  const pooler = await startPgbouncer({ connectionString, sessions: 2 });
  onTestFinished(async () => {
    await pooler.close();
    await database.drop();
  });
  const open = async (): Promise<Store> => {
    const options = { connectionString, poolSize: 8, toPlan: planOfSpec, logger, unsafe: true };
    const store = await openPostgresStore({ ...options, poolerUrl: pooler.connectionString });
    onTestFinished(() => store.close());
    return store;
  };
  return { connectionString, pooler, open };
}

describe.skipIf(skipsWithoutPgbouncer())("a store behind a pooler in transaction mode", () => {
  it("works on sessions that are shared by all, and hears hints on its own", async () => {
    const { open } = await prepare([...limits, "statement_timeout = 30000"]);
    const [one, other] = [await open(), await open()];
    const keys = await registerDag(one, "a", { tasks: [{ id: "first" }, { id: "second", parents: ["first"] }] });
    const heard: string[] = [];
    other.wake.listen("ended", (runId) => heard.push(runId));
    const runs = await Promise.all(
      Array.from({ length: 20 }, async (_, place) => {
        const store = place % 2 === 0 ? one : other;
        const created = await store.runs.createRun(newRun(keys));
        if (created.kind !== "created") throw new Error(created.kind);
        await runTask(store, created.runKey, 0, success);
        await runTask(one, created.runKey, 1, success);
        return created.runId;
      }),
    );
    await expect.poll(() => heard.toSorted()).toEqual(runs.toSorted());
  });

  it("goes on when the pooler has lost all its clients", async () => {
    const { pooler, open } = await prepare([...limits, "statement_timeout = 30000"]);
    const store = await open();
    await pooler.kill();
    await pooler.start();
    await expect.poll(() => store.events.lastId().catch(() => null), { timeout: 10_000 }).toBe(0);
  });

  it("is refused when the sessions lack their limits, with the statements that set them", async () => {
    const { open } = await prepare(["lock_timeout = 1000", "statement_timeout = 60000"]);
    const refusal = await open().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "INVALID_CONFIG" });
    const { message } = refusal as Error;
    expect(message).toContain("statement_timeout 60000");
    expect(message).toMatch(/ALTER ROLE \w+ SET idle_in_transaction_session_timeout = '3000ms';/);
    expect(message).not.toContain("lock_timeout 1000");
  });
});
