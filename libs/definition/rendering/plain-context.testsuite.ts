import type { JsonObject } from "../model.ts";
import type { RenderContext } from "./render-context.ts";

/** An attempt that has these parameters, and of which nothing else matters. */
export function plainContext(params: JsonObject, more: Partial<RenderContext> = {}): RenderContext {
  return {
    params,
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "r", dag_id: "d", run_type: "manual", start_date: null },
    taskInstance: { task_id: "t", try_number: 1, max_tries: 1 },
    outputs: () => undefined,
    tempDir: "/tmp",
    ...more,
  };
}
