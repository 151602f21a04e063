import { LRUCache } from "lru-cache";
import type { ActiveDefinition } from "#ports/definition-store.ts";
import type { Database } from "./database.ts";
import { definitionStatements } from "./definition-statements.ts";

interface ActiveRow {
  readonly dag_key: number;
  readonly dag_id: string;
  readonly version_key: number;
  readonly version: number;
  readonly is_active: boolean;
  readonly is_paused: boolean;
  /** Null: it is the one that the reader has. */
  readonly definition: unknown;
}

/** Characters of JSON of all kept definitions together; as objects they take a few times as much. */
const maxKept = 2_000_000;

interface KeptDefinition {
  readonly versionKey: number;
  readonly definition: unknown;
}

/**
 * Reads the definitions in force. Which version is in force is read each time; a version's content never changes, so that
 * what was read last is kept, and only what is new comes over the wire.
 */
export function createActiveDefinitions(database: Database): (dagId: string) => Promise<ActiveDefinition | null> {
  const kept = new LRUCache<string, KeptDefinition>({
    maxSize: maxKept,
    sizeCalculation: ({ definition }) => JSON.stringify(definition).length,
  });
  return async (dagId) => {
    const known = kept.get(dagId);
    const [row] = await database.query<ActiveRow>(definitionStatements.getActive, [dagId, known?.versionKey ?? null]);
    if (row === undefined) return null;
    const definition = row.definition ?? known?.definition;
    if (row.definition !== null) kept.set(dagId, { versionKey: row.version_key, definition });
    return {
      dagKey: row.dag_key,
      dagId: row.dag_id,
      versionKey: row.version_key,
      version: row.version,
      isActive: row.is_active,
      isPaused: row.is_paused,
      definition,
    };
  };
}
