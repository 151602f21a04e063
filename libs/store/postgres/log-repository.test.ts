import { expect, it } from "vitest";
import type { NewLogChunk } from "#ports/log-store.ts";
import { openStoreWithClient } from "#testing/postgres-client.ts";

const attempt = { runKey: 1, ordinal: 0, generation: 1, tryNumber: 1 };

function chunk(sequence: number, text: string): NewLogChunk {
  return { ...attempt, sequence, droppedBytes: 0, entries: [{ at: 0, source: "stdout", text }] };
}

it("leaves a chunk alone that comes again in another month, and numbers on", async () => {
  const { store, client } = await openStoreWithClient();
  await store.logs.append([chunk(1, "a"), chunk(2, "b")]);
  await client.query("UPDATE log_chunks SET created_at = created_at - interval '1 month'");
  await store.logs.append([chunk(2, "b"), chunk(3, "c")]);
  const lines = await store.logs.read({ attempt, afterLine: 0, limit: 10 });
  expect(lines.map((line) => `${line.number} ${line.text}`)).toEqual(["1 a", "2 b", "3 c"]);
});

it("stores repetitive output in a fraction of its size", async () => {
  const { store, client } = await openStoreWithClient();
  const entries = Array.from({ length: 500 }, (_, place) => ({
    at: place,
    source: "stdout" as const,
    text: `row ${place} of the table was copied`,
  }));
  await store.logs.append([{ ...attempt, sequence: 1, droppedBytes: 0, entries }]);
  const { rows } = await client.query<{ size: number }>("SELECT octet_length(content) AS size FROM log_chunks");
  expect(rows[0]?.size).toBeLessThan(JSON.stringify(entries).length / 5);
});
