import { Client, DatabaseError } from "pg";
import { setTimeout as delay } from "node:timers/promises";

const deadlineMs = 60_000;
const pollMs = 200;
const tooManyConnections = "53300";

/**
 * A connection of the judge's own. The services may hold all that the server has; then it waits for one as they do.
 * What breaks the connection is told by the next statement.
 */
export async function openClient(connectionString: string): Promise<Client> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const client = new Client({ connectionString });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const isFull = error instanceof DatabaseError && error.code === tooManyConnections;
      if (!isFull || performance.now() > deadline) throw error;
      await delay(pollMs);
    }
  }
}
