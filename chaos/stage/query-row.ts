import { openClient } from "../check/open-client.ts";

/** One row, on a connection of its own: the database may just have been away. */
export async function queryRow<Row>(
  connectionString: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const client = await openClient(connectionString);
  try {
    const [row] = (await client.query<Row & Record<string, unknown>>(text, [...values])).rows;
    if (row === undefined) throw new Error(`no row: ${text}`);
    return row;
  } finally {
    await client.end();
  }
}
