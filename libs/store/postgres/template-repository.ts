import type { StoredTemplate, TakenTemplate, TemplateInstance, TemplateStore } from "#ports/template-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "./database.ts";

interface TemplateRow {
  readonly name: string;
  readonly version: string;
  readonly file_path: string | null;
  readonly file_hash: string;
  readonly hash: string;
  readonly docs: string;
  readonly is_broken: boolean;
  readonly published_at: number;
}

interface InstanceRow {
  readonly dag_id: string;
  readonly instance_name: string;
  readonly template_name: string;
  readonly template_version: string;
  readonly version_range: string;
  readonly given_id: string | null;
  readonly file_path: string | null;
  readonly file_hash: string;
  readonly version_hash: string;
  readonly parameters: unknown;
  readonly uses: readonly string[];
}

const sql = {
  /** Contents are stored one at a time, so that a version is taken once. Held until the commit. */
  lock: { name: "lock_templates", text: "SELECT pg_advisory_xact_lock(hashtextextended('templates', 0))" },

  findTaken: {
    name: "find_taken_templates",
    text: `SELECT t.name, t.version, t.file_path FROM templates t
      JOIN unnest($2::text[], $3::text[], $4::text[]) AS n (name, version, hash) ON n.name = t.name AND n.version = t.version
      WHERE t.file_path IS DISTINCT FROM $1::text OR ($1::text IS NULL AND t.hash <> n.hash) ORDER BY 1, 2`,
  },

  dropOthers: {
    name: "drop_other_templates",
    text: `DELETE FROM templates t WHERE t.file_path = $1::text AND NOT EXISTS (
      SELECT FROM unnest($2::text[], $3::text[]) AS n (name, version) WHERE n.name = t.name AND n.version = t.version)`,
  },

  put: {
    name: "put_templates",
    text: `INSERT INTO templates (name, version, file_path, file_hash, hash, docs, source_text)
      SELECT n.name, n.version, $1, $2, n.hash, n.docs, $3 FROM unnest($4::text[], $5::text[], $6::text[], $7::text[]) AS n (name, version, hash, docs)
      ON CONFLICT (name, version) DO UPDATE SET file_path = EXCLUDED.file_path, file_hash = EXCLUDED.file_hash, hash = EXCLUDED.hash,
        docs = EXCLUDED.docs, source_text = EXCLUDED.source_text, is_broken = false, published_at = now()`,
  },

  markBroken: { name: "mark_templates_broken", text: "UPDATE templates SET is_broken = true WHERE file_path = $1" },

  withdrawFile: { name: "withdraw_template_file", text: "DELETE FROM templates WHERE file_path = $1" },

  withdraw: {
    name: "withdraw_template",
    text: "DELETE FROM templates WHERE name = $1 AND version = $2 AND file_path IS NULL RETURNING template_key",
  },

  list: {
    name: "list_templates",
    text: `SELECT name, version, file_path, file_hash, hash, docs, is_broken, published_at FROM templates
      ORDER BY name COLLATE "C", version COLLATE "C"`,
  },

  readText: { name: "read_template", text: "SELECT source_text FROM templates WHERE name = $1 AND version = $2" },

  recordInstance: {
    name: "record_template_instance",
    text: `INSERT INTO template_instances (dag_id, instance_name, template_name, template_version, version_range, given_id, file_path, file_hash,
        version_hash, parameters, uses)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::text[])
      ON CONFLICT (dag_id) DO UPDATE SET instance_name = EXCLUDED.instance_name, template_name = EXCLUDED.template_name,
        template_version = EXCLUDED.template_version, version_range = EXCLUDED.version_range, given_id = EXCLUDED.given_id,
        file_path = EXCLUDED.file_path, file_hash = EXCLUDED.file_hash, version_hash = EXCLUDED.version_hash,
        parameters = EXCLUDED.parameters, uses = EXCLUDED.uses, changed_at = now()`,
  },

  forgetInstances: {
    name: "forget_template_instances",
    text: "DELETE FROM template_instances WHERE dag_id = ANY($1::text[])",
  },

  listInstances: {
    name: "list_template_instances",
    text: `SELECT i.dag_id, i.instance_name, i.template_name, i.template_version, i.version_range, i.given_id, i.file_path, i.file_hash,
        i.version_hash, i.parameters, i.uses
      FROM template_instances i JOIN dags d USING (dag_id) WHERE d.is_active ORDER BY i.dag_id COLLATE "C"`,
  },
} as const;

/** Templates and their instances in PostgreSQL. */
export function createTemplateRepository({ database, wake }: { database: Database; wake: Wake }): TemplateStore {
  return {
    async put({ filePath, fileHash, text, templates }) {
      const names = templates.map(({ name }) => name);
      const versions = templates.map(({ version }) => version);
      const hashes = templates.map(({ hash }) => hash);
      const docs = templates.map((template) => template.docs);
      const taken = await database.transaction(async (transaction) => {
        void transaction.query(sql.lock, []);
        const found = await transaction.query<Pick<TemplateRow, "name" | "version" | "file_path">>(sql.findTaken, [
          filePath,
          names,
          versions,
          hashes,
        ]);
        if (found.length > 0) return found;
        void transaction.query(sql.dropOthers, [filePath, names, versions]);
        await transaction.query(sql.put, [filePath, fileHash, text, names, versions, hashes, docs]);
        return [];
      });
      if (taken.length === 0) wake.notify("definitions");
      return taken.map((row): TakenTemplate => ({ name: row.name, version: row.version, filePath: row.file_path }));
    },
    async markBroken(filePath) {
      await database.query(sql.markBroken, [filePath]);
    },
    async withdrawFile(filePath) {
      await database.query(sql.withdrawFile, [filePath]);
    },
    async withdraw({ name, version }) {
      return (await database.query(sql.withdraw, [name, version])).length > 0;
    },
    async list() {
      return (await database.query<TemplateRow>(sql.list, [])).map(fromTemplateRow);
    },
    async readText({ name, version }) {
      const [row] = await database.query<{ source_text: string }>(sql.readText, [name, version]);
      return row?.source_text ?? null;
    },
    async recordInstance(instance) {
      await database.query(sql.recordInstance, toInstanceValues(instance));
    },
    async forgetInstances(dagIds) {
      await database.query(sql.forgetInstances, [dagIds]);
    },
    async listInstances() {
      return (await database.query<InstanceRow>(sql.listInstances, [])).map(fromInstanceRow);
    },
  };
}

function fromTemplateRow(row: TemplateRow): StoredTemplate {
  return {
    name: row.name,
    version: row.version,
    filePath: row.file_path,
    fileHash: row.file_hash,
    hash: row.hash,
    docs: row.docs,
    isBroken: row.is_broken,
    publishedAt: row.published_at,
  };
}

function toInstanceValues(instance: TemplateInstance): readonly unknown[] {
  const { dagId, instanceName, template, range, givenId, filePath, fileHash, versionHash, parameters, uses } = instance;
  const made = [dagId, instanceName, template.name, template.version, range, givenId];
  return [...made, filePath, fileHash, versionHash, JSON.stringify(parameters), uses];
}

function fromInstanceRow(row: InstanceRow): TemplateInstance {
  return {
    dagId: row.dag_id,
    instanceName: row.instance_name,
    template: { name: row.template_name, version: row.template_version },
    range: row.version_range,
    givenId: row.given_id,
    filePath: row.file_path,
    fileHash: row.file_hash,
    versionHash: row.version_hash,
    parameters: row.parameters,
    uses: row.uses,
  };
}
