import type { Definition } from "./model.ts";

/** A definition without tasks; what it says nothing of has the default of the format. */
export function emptyDefinition(id: string, changes: Partial<Definition> = {}): Definition {
  return {
    format: 1,
    id,
    description: "",
    owner: "",
    tags: [],
    timezone: "UTC",
    schedule: null,
    parameters: {},
    additionalParameters: true,
    allowManualTrigger: true,
    maxActiveRuns: 16,
    maxActiveTasks: null,
    runTimeoutMs: null,
    priority: 0,
    executor: null,
    tasks: [],
    ...changes,
  };
}
