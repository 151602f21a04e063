import { Client } from "pg";

const deadlineMs = 2000;

/** Whether a new connection is made and answers, within a deadline. */
export async function databaseAnswers(connectionString: string): Promise<boolean> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
    application_name: "millrace probe",
  });
  // A connection that dies reports it twice; without a listener the process would end.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
