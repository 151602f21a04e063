import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";

const pollMs = 20;
const deadlineMs = 300_000;

/** Polls until the query's `is_so` is true. */
export async function waitUntil(client: Client, query: string, values: readonly unknown[] = []): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const { rows } = await client.query<{ is_so: boolean | null }>(query, [...values]);
    if (rows[0]?.is_so === true) return;
    await delay(pollMs);
  }
  throw new Error(`not so within ${deadlineMs} ms: ${query} ${JSON.stringify(values)}`);
}
