import { isJsonObject, ownValue } from "../json.ts";
import { defaultActiveRuns, definitionLimits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";

/**
 * A run that triggers its own definition, and waits, keeps its place meanwhile: a row of such runs that is longer than
 * `max_active_runs` waits for places that it takes itself. Where the second one could never begin it is an error.
 */
export function checkSelfTrigger(root: JsonObject, tasks: readonly TaskOutline[], report: Report): void {
  const written = ownValue(root, "max_active_runs");
  const places = typeof written === "number" ? written : defaultActiveRuns;
  if (places > definitionLimits.triggerDepth) return;
  for (const { body, path } of tasks) {
    const operator = ownValue(body, "operator");
    if (ownValue(body, "type") !== "trigger_dag" || !isJsonObject(operator)) continue;
    if (ownValue(operator, "dag_id") !== ownValue(root, "id") || ownValue(operator, "wait") === false) continue;
    const limit = `\`max_active_runs\` is ${places}`;
    const row =
      places === 1 ? "the run that it waits for never begins" : `a row of more than ${places} runs never ends`;
    report([...path, "operator", "dag_id"], {
      code: "SELF_TRIGGER",
      message: `the definition triggers itself and waits, so each run keeps its place: ${limit}, and ${row}`,
      hint: `say \`wait: false\`, or a \`max_active_runs\` that no row of runs reaches (more than ${definitionLimits.triggerDepth} is enough for one)`,
      ...(places === 1 ? {} : { warning: true }),
    });
  }
}
