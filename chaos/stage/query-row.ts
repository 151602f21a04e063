import { Client } from "pg";

/** One row, on a connection of its own: the database may just have been away. */
export async function queryRow<Row>(
  connectionString: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const client = new Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const [row] = (await client.query<Row & Record<string, unknown>>(text, [...values])).rows;
    if (row === undefined) throw new Error(`no row: ${text}`);
    return row;
  } finally {
    await client.end();
  }
}
