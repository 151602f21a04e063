import type { KeptKind, RetentionStore } from "#ports/retention-store.ts";
import type { Database } from "./database.ts";
import {
  findUnknownFiles,
  forgetFiles,
  listAgedStatements,
  listRemovals,
  listUnlistedFiles,
  noteFiles,
  postponeFiles,
  removeStatements,
} from "./retention-statements.ts";

interface LookedRow {
  readonly run_key: number;
  readonly is_young: boolean;
  readonly is_aged: boolean;
}

interface RemovalRow {
  readonly kind: KeptKind;
  readonly removed_at: number;
  readonly retention_ms: number;
}

/** Removes from PostgreSQL what runs left when its time is over. */
export function createRetentionRepository(database: Database): RetentionStore {
  return {
    async listAged({ kind, retentionMs }, { afterKey, limit }) {
      const rows = await database.query<LookedRow>(listAgedStatements[kind], [afterKey, retentionMs, limit]);
      const runKeys = rows.filter((row) => row.is_aged).map((row) => row.run_key);
      const isLast = rows.length < limit || rows.some((row) => row.is_young);
      return { runKeys, nextKey: isLast ? null : (rows.at(-1)?.run_key ?? null) };
    },
    async remove({ kind, retentionMs }, { runKeys, limit }) {
      if (runKeys.length === 0) return 0;
      const values = [[...runKeys], retentionMs, limit];
      const [row] = await database.query<{ count: number }>(removeStatements[kind], values);
      return row?.count ?? 0;
    },
    async listRemovals(runKey) {
      const rows = await database.query<RemovalRow>(listRemovals, [runKey]);
      return rows.map((row) => ({ kind: row.kind, removedAt: row.removed_at, retentionMs: row.retention_ms }));
    },
    async listUnlistedFiles(limit) {
      const rows = await database.query<{ location: string; failure_count: number }>(listUnlistedFiles, [limit]);
      return rows.map((row) => ({ location: row.location, failureCount: row.failure_count }));
    },
    async forgetFiles(locations) {
      await database.query(forgetFiles, [[...locations]]);
    },
    async postponeFiles(files) {
      if (files.length === 0) return;
      const columns = [
        files.map((file) => file.location),
        files.map((file) => file.dueInMs),
        files.map((file) => file.reason),
      ];
      await database.query(postponeFiles, columns);
    },
    async findUnknownFiles(locations) {
      if (locations.length === 0) return [];
      const rows = await database.query<{ location: string }>(findUnknownFiles, [[...locations]]);
      return rows.map(({ location }) => location);
    },
    async noteFiles(locations) {
      if (locations.length > 0) await database.query(noteFiles, [[...locations]]);
    },
  };
}
