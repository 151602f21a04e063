import type { Problem } from "#definition/model.ts";
import type { RegisterResult } from "#ports/definition-store.ts";
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
  const { definition, text } = read;
  const { schedule } = definition;
  const hash = versionHash(read);
  const result = await store.definitions.register({
    dagId: definition.id,
    filePath,
    source: filePath === null ? "api" : "file",
    text,
    hash,
    definition,
    description: definition.description,
    owner: definition.owner,
    tags: definition.tags,
    schedule: schedule === null ? null : startSchedule(schedule, store.now()),
  });
  if (result.kind === "registered") await noteOrigin(store, read, filePath);
  return result;
}

/** What a version is told apart by: of an instance also what it was made from. */
function versionHash({ hash, origin }: Pick<ValidDefinition, "hash" | "origin">): string {
  return origin === null ? hash : hashContent(Buffer.from(`${hash} ${origin.lineageHash}`));
}

/** Should this be missed, the same content is registered again, and it is made up for. */
async function noteOrigin(store: Store, read: ValidDefinition, filePath: string | null): Promise<void> {
  const { definition, hash, origin } = read;
  if (origin === null) return store.templates.forgetInstance(definition.id);
  const { lineageHash: _lineage, ...made } = origin;
  await store.templates.recordInstance({
    ...made,
    dagId: definition.id,
    filePath,
    fileHash: hash,
    versionHash: versionHash(read),
  });
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
