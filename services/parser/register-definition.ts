import type { Problem } from "#definition/model.ts";
import type { NewVersion, RegisterResult } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import { startSchedule } from "#schedule/schedule-start.ts";
import { hashContent } from "./list-folder.ts";
import { lineOfId, type ValidDefinition } from "./read-definition.ts";

/** Puts a checked definition in force, all or nothing. `filePath` null: it was pushed. */
export async function registerDefinition(
  store: Store,
  read: ValidDefinition,
  filePath: string | null,
): Promise<RegisterResult> {
  const result = await store.definitions.register(toVersion(store, read, filePath));
  if (result.kind === "registered") await noteOrigins(store, [{ read, path: filePath }]);
  return result;
}

/**
 * Puts the definitions of files in force, each all or nothing; their ids differ, and the results come in their order. Throws
 * when the store can't take one of them: which it is, `registerDefinition` tells.
 */
export async function registerDefinitions(
  store: Store,
  files: readonly { readonly path: string; readonly read: ValidDefinition }[],
): Promise<readonly RegisterResult[]> {
  const versions = files.map(({ path, read }) => toVersion(store, read, path));
  const results = await store.definitions.registerAll(versions);
  await noteOrigins(
    store,
    files.filter((_, place) => results[place]?.kind === "registered"),
  );
  return results;
}

function toVersion(store: Store, read: ValidDefinition, filePath: string | null): NewVersion {
  const { definition, text } = read;
  const { schedule } = definition;
  return {
    dagId: definition.id,
    filePath,
    source: filePath === null ? "api" : "file",
    text,
    hash: versionHashOf(read),
    definition,
    description: definition.description,
    owner: definition.owner,
    tags: definition.tags,
    schedule: schedule === null ? null : startSchedule(schedule, store.now()),
  };
}

/** What a version is told apart by: of an instance also what it was made from. */
function versionHashOf({ hash, origin }: Pick<ValidDefinition, "hash" | "origin">): string {
  return origin === null ? hash : hashContent(Buffer.from(`${hash} ${origin.lineageHash}`));
}

/** Should this be missed, the same content is registered again, and it is made up for. */
async function noteOrigins(
  store: Store,
  files: readonly { readonly path: string | null; readonly read: ValidDefinition }[],
): Promise<void> {
  const plain = files.filter(({ read }) => read.origin === null);
  if (plain.length > 0) await store.templates.forgetInstances(plain.map(({ read }) => read.definition.id));
  for (const { path: filePath, read } of files) {
    if (read.origin === null) continue;
    const { lineageHash: _lineage, ...made } = read.origin;
    const { definition, hash: fileHash } = read;
    const versionHash = versionHashOf(read);
    await store.templates.recordInstance({ ...made, dagId: definition.id, filePath, fileHash, versionHash });
  }
}

type TakenHook = Extract<RegisterResult, { kind: "hook_taken" }>;

/** The problem of a file with a webhook whose name another definition has: it names both. */
export function hookTakenProblem(read: ValidDefinition, file: string, taken: TakenHook): Problem {
  return {
    file,
    line: lineOfId(read.text),
    column: 1,
    code: "HOOK_NAME_TAKEN",
    message: describeTakenHook(read, file, taken),
    hint: "rename the webhook in one of the two",
    warning: false,
  };
}

export function describeTakenHook(read: ValidDefinition, file: string, { hook, dagId, filePath }: TakenHook): string {
  const owner = filePath === null ? `DAG ${dagId}` : `DAG ${dagId} in ${filePath}`;
  return `the webhook ${hook} of DAG ${read.definition.id} in ${file} is taken by ${owner}, which stays in force`;
}

/** The problem of a file whose id another one has: it names both. */
export function takenProblem(read: ValidDefinition, file: string, owner: string): Problem {
  return {
    file,
    line: lineOfId(read.text),
    column: 1,
    code: "DAG_ID_TAKEN",
    message: `the id ${read.definition.id} in ${file} is taken by ${owner}, which stays in force`,
    hint: "rename the DAG in one of the two files",
    warning: false,
  };
}
