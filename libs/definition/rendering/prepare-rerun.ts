import type { RerunTarget } from "#core/run-event.ts";
import { AppError } from "#errors/app-error.ts";
import type { RunFacts } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { Definition, JsonObject } from "../model.ts";
import { resolveParameters } from "./resolve-parameters.ts";

export interface RerunWishes {
  readonly latestVersion: boolean;
  /** Undefined: the run's own values stay. */
  readonly parameters: JsonObject | undefined;
}

/**
 * What a rerun changes of the run beside its states; null: nothing. The run's own values go on, as far as the version
 * knows them, and those that are given stand instead. Throws DAG_ARCHIVED and INVALID_PARAMETERS.
 */
export async function prepareRerun(store: Store, facts: RunFacts, wishes: RerunWishes): Promise<RerunTarget | null> {
  const version = wishes.latestVersion ? await findOtherVersion(store, facts) : null;
  if (version === null && wishes.parameters === undefined) return null;
  const definition = version === null ? await ownDefinition(store, facts) : version.definition;
  const carried = Object.entries(facts.parameters as JsonObject).filter(
    ([name]) => definition.additionalParameters || Object.hasOwn(definition.parameters, name),
  );
  const given = { ...Object.fromEntries(carried), ...wishes.parameters };
  const { parameters, warnings } = resolveParameters(definition, given, { ...facts, now: store.now() });
  return {
    revision: facts.revision,
    version: version === null ? null : { ...version.keys, plan: await store.runs.readPlan(version.keys.versionKey) },
    parameters: { values: parameters, warnings },
  };
}

interface OtherVersion {
  readonly keys: { readonly versionKey: number; readonly version: number };
  readonly definition: Definition;
}

/** The newest version of the run's DAG; null when the run has it. */
async function findOtherVersion(store: Store, { dagId, versionKey }: RunFacts): Promise<OtherVersion | null> {
  const active = await store.definitions.getActive(dagId);
  if (active === null || !active.isActive) {
    const message = `DAG ${dagId} is archived and has no version in force; rerun on the run's own version, or restore its file`;
    throw new AppError("DAG_ARCHIVED", message, { details: { dag_id: dagId } });
  }
  if (active.versionKey === versionKey) return null;
  const keys = { versionKey: active.versionKey, version: active.version };
  return { keys, definition: active.definition as Definition };
}

async function ownDefinition(store: Store, { versionKey }: RunFacts): Promise<Definition> {
  const stored = await store.definitions.getVersion(versionKey);
  if (stored === null) throw new Error(`version ${versionKey} is gone`);
  // It was checked when it was registered, and the store keeps it as it was.
  return stored.definition as Definition;
}
