import type { Definition, JsonObject } from "#definition/model.ts";
import { resolveParameters } from "#definition/rendering/resolve-parameters.ts";
import type { NewRun } from "#ports/new-run.ts";
import { formatRunId } from "./run-id.ts";

/** What is asked for, before ids are given and parameters resolved. Times in milliseconds since 1970. */
export type RunDraft = Omit<NewRun, "runId" | "parameters" | "warnings" | "concurrencyKey"> & {
  readonly definition: Definition;
  readonly given: JsonObject;
};

/**
 * The run to make at `now`: its id, which ends in the suffix, and parameters checked and resolved by the definition.
 * Throws INVALID_PARAMETERS.
 */
export function completeRun(
  { definition, given, ...draft }: RunDraft,
  { now, suffix }: { readonly now: number; readonly suffix: string },
): NewRun {
  const { logicalAt, intervalStartAt, intervalEndAt, runType } = draft;
  const runId = formatRunId({ dagId: definition.id, logicalAt, suffix });
  const context = { logicalAt, intervalStartAt, intervalEndAt, now, runId, runType };
  return { ...draft, runId, ...resolveParameters(definition, given, context) };
}
