import type { ArtifactCatalog, ArtifactView } from "#ports/artifact-catalog.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";

interface ArtifactRow {
  readonly artifact_key: number;
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly item_key: string | null;
  readonly generation: number;
  readonly try_number: number;
  readonly name: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly media_type: string;
  readonly location: string;
  readonly created_at: number;
}

const expectFile = {
  name: "expect_file",
  text: "INSERT INTO unlisted_files (location, due_at) VALUES ($1, now() + interval '1 day') ON CONFLICT (location) DO UPDATE SET due_at = excluded.due_at",
};

/** The location before is read from the snapshot that the statement began with. */
const addArtifact = {
  name: "add_artifact",
  text: `WITH before AS (
      SELECT location FROM artifacts WHERE run_key = $1 AND ordinal = $2 AND generation = $3 AND try_number = $4 AND name = $5
    ), added AS (
      INSERT INTO artifacts (run_key, ordinal, generation, try_number, name, size_bytes, sha256, media_type, location)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (run_key, ordinal, generation, try_number, name) DO UPDATE SET size_bytes = excluded.size_bytes,
        sha256 = excluded.sha256, media_type = excluded.media_type, location = excluded.location, created_at = now()
    ), listed AS (DELETE FROM unlisted_files WHERE location = $9
    ), unlisted AS (INSERT INTO unlisted_files (location, due_at) SELECT location, now() FROM before WHERE location <> $9 ON CONFLICT DO NOTHING
    ) SELECT location FROM before`,
};

const isNewest = `a.generation = t.generation AND a.try_number = (SELECT max(n.try_number) FROM artifacts n
  WHERE n.run_key = a.run_key AND n.ordinal = a.ordinal AND n.generation = a.generation)`;

const artifactList = {
  columns:
    "a.artifact_key, r.run_id, t.task_id, t.map_index, t.item_key, a.generation, a.try_number, a.name, a.size_bytes, a.sha256, a.media_type, a.location, a.created_at",
  from: "artifacts a JOIN dag_runs r ON r.run_key = a.run_key JOIN task_instances t ON t.run_key = a.run_key AND t.ordinal = a.ordinal",
  order: [
    { sql: "a.ordinal", type: "integer", descending: false },
    { sql: "a.generation", type: "integer", descending: true },
    { sql: "a.try_number", type: "integer", descending: true },
    { sql: 'a.name COLLATE "C"', type: "text", descending: false },
  ],
  sorts: {},
  toItem: fromRow,
} satisfies Omit<ListQuery<ArtifactRow, ArtifactView>, "conditions">;

/** The index of artifacts in PostgreSQL. */
export function createArtifactRepository(database: Database): ArtifactCatalog {
  return {
    async expect(location) {
      await database.query(expectFile, [location]);
    },
    async add({ runKey, ordinal, generation, tryNumber, name, sizeBytes, sha256, mediaType, location }) {
      const values = [runKey, ordinal, generation, tryNumber, name, sizeBytes, sha256, mediaType, location];
      const [before] = await database.query<{ location: string }>(addArtifact, values);
      return before?.location ?? null;
    },
    list(page, { runId, taskId, mapIndex, name, attempts }) {
      const conditions = [
        { sql: "a.run_key = (SELECT run_key FROM dag_runs WHERE run_id = ?)", value: runId },
        ...(attempts === "newest" ? [{ sql: `?::boolean AND ${isNewest}`, value: true }] : []),
        ...(typeof attempts === "number"
          ? [{ sql: "a.generation = t.generation AND a.try_number = ?", value: attempts }]
          : []),
        ...(mapIndex === null ? [] : [{ sql: "t.map_index = ?", value: mapIndex }]),
        ...(taskId === null ? [] : [{ sql: "t.task_id = ?", value: taskId }]),
        ...(name === null ? [] : [{ sql: "a.name = ?", value: name }]),
      ];
      return readPage(database, page, { ...artifactList, conditions });
    },
  };
}

function fromRow(row: ArtifactRow): ArtifactView {
  return {
    artifactKey: row.artifact_key,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    itemKey: row.item_key,
    generation: row.generation,
    tryNumber: row.try_number,
    name: row.name,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    mediaType: row.media_type,
    location: row.location,
    at: row.created_at,
  };
}
