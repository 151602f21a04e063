import { taskBodySchema } from "./definition-schema.ts";

/** A hook in its long form: a task, but for what would give it a place in the graph or a say in the run's state. */
export const hookSchema = taskBodySchema.omit({
  dependencies: true,
  downstream: true,
  trigger_rule: true,
  for_each: true,
  allow_failure: true,
  keep_partial_outputs: true,
  outputs: true,
  on_success: true,
  on_failure: true,
});
