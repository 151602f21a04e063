import type { NewVersion, RegisterResult } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import type { PlanSpec } from "./plan-spec.ts";

export function newVersion(dagId: string, changes: Partial<NewVersion> & { spec?: PlanSpec } = {}): NewVersion {
  const { spec = { tasks: [{ id: "only" }] }, ...given } = changes;
  const text = `id: ${dagId}`;
  return {
    dagId,
    filePath: `${dagId}.yaml`,
    source: "file",
    text,
    hash: `hash of ${JSON.stringify(spec)}`,
    definition: spec,
    description: "",
    owner: "",
    tags: [],
    schedule: null,
    ...given,
  };
}

/** Registers a DAG and answers its keys. */
export async function registerDag(
  store: Store,
  dagId: string,
  spec: PlanSpec,
): Promise<{ dagKey: number; versionKey: number }> {
  expectRegistered(await store.definitions.register(newVersion(dagId, { spec })));
  const active = await store.definitions.getActive(dagId);
  if (active === null) throw new Error(`${dagId} is not active`);
  return { dagKey: active.dagKey, versionKey: active.versionKey };
}

export function expectRegistered(result: RegisterResult): Extract<RegisterResult, { kind: "registered" }> {
  if (result.kind !== "registered") throw new Error(`not registered: ${JSON.stringify(result)}`);
  return result;
}
