import type { VersionContent, VersionQueries, VersionView } from "#ports/version-views.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";

interface VersionRow {
  readonly dag_id: string;
  readonly version: number;
  readonly is_active: boolean;
  readonly source: VersionView["source"];
  readonly file_path: string | null;
  readonly hash: string;
  readonly created_at: number;
}

interface ContentRow extends VersionRow {
  readonly source_text: string;
  readonly definition: unknown;
}

const columns = `d.dag_id, v.version, d.is_active AND d.active_version_key = v.version_key AS is_active, v.source, v.file_path,
  v.hash, v.created_at`;

const source = "dag_versions v JOIN dags d USING (dag_key)";

const versionList = {
  columns,
  from: source,
  order: [{ sql: "v.version", type: "integer", descending: true }],
  sorts: {},
  toItem: fromRow,
} satisfies Omit<ListQuery<VersionRow, VersionView>, "conditions">;

const readVersion = {
  name: "read_dag_version",
  text: `SELECT ${columns}, v.source_text, v.definition FROM ${source} WHERE d.dag_id = $1 AND v.version = $2`,
};

export function createVersionQueries(database: Database): VersionQueries {
  return {
    listVersions: (page, dagId) =>
      readPage(database, page, { ...versionList, conditions: [{ sql: "d.dag_id = ?", value: dagId }] }),
    async readVersion(dagId, version) {
      const [row] = await database.query<ContentRow>(readVersion, [dagId, version]);
      return row === undefined ? null : fromContentRow(row);
    },
  };
}

function fromRow(row: VersionRow): VersionView {
  return {
    dagId: row.dag_id,
    version: row.version,
    isActive: row.is_active,
    source: row.source,
    filePath: row.file_path,
    hash: row.hash,
    registeredAt: row.created_at,
  };
}

function fromContentRow(row: ContentRow): VersionContent {
  return { ...fromRow(row), text: row.source_text, definition: row.definition };
}
