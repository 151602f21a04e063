import type { Problem } from "#definition/model.ts";
import type { RegisterResult } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import { startSchedule } from "#schedule/schedule-start.ts";
import { lineOfId, type ValidDefinition } from "./read-definition.ts";

/** Puts a checked definition in force, all or nothing. `filePath` null: it was pushed. */
export async function registerDefinition(
  store: Store,
  { definition, text, hash }: ValidDefinition,
  filePath: string | null,
): Promise<RegisterResult> {
  const { schedule } = definition;
  return store.definitions.register({
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
