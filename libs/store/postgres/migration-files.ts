import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Migration {
  readonly name: string;
  readonly hash: string;
  readonly sql: string;
  /**
   * Null for what is applied in a transaction. Else the file has one statement, which builds this index concurrently:
   * nobody waits for it, and it can't be in a transaction.
   */
  readonly index: string | null;
}

/** The first line of a file that builds an index concurrently. */
const indexLine = /^-- builds concurrently: (\w+)\n/;

export const ownFolder: string = fileURLToPath(new URL("../../../migrations/", import.meta.url));

/** All of the folder, in the order of their names. */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const sql = await readFile(join(folder, file), "utf8");
      const hash = createHash("sha256").update(sql).digest("hex");
      return { name: file.replace(/\.sql$/, ""), hash, sql, index: indexLine.exec(sql)?.[1] ?? null };
    }),
  );
}
