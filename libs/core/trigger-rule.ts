export type TriggerRule =
  | "all_success"
  | "all_failed"
  | "all_done"
  | "one_success"
  | "one_failed"
  | "none_failed"
  | "none_failed_min_one_success"
  | "all_skipped"
  | "none_skipped"
  | "always";

export const triggerRules: readonly TriggerRule[] = [
  "all_success",
  "all_failed",
  "all_done",
  "one_success",
  "one_failed",
  "none_failed",
  "none_failed_min_one_success",
  "all_skipped",
  "none_skipped",
  "always",
];

/** Rules that mean nothing on a task without parents, and are refused there. */
export const rulesThatNeedParents: ReadonlySet<TriggerRule> = new Set([
  "one_success",
  "one_failed",
  "none_failed_min_one_success",
]);

export type RuleVerdict = "wait" | "run" | "upstream_failed" | "skipped";

/**
 * What a waiting task does, from the parents that have not ended (`waiting`) and the ends of the others as the edges
 * map them. Primitive counters only, so that every engine can afford it. `one_success`, `one_failed` fire early,
 * `always` waits for nobody, all others are decided when the last parent has ended.
 */
export function decideRule(
  rule: TriggerRule,
  waiting: number,
  success: number,
  failed: number,
  upstreamFailed: number,
  skipped: number,
): RuleVerdict {
  const failures = failed + upstreamFailed;
  if (rule === "always") return "run";
  if (rule === "one_success" && success > 0) return "run";
  if (rule === "one_failed" && failures > 0) return "run";
  if (waiting > 0) return "wait";
  if (success + failures + skipped === 0) return "run";
  if (ruleHolds(rule, success, failures, skipped)) return "run";
  return failureBreaks(rule) && failures > 0 ? "upstream_failed" : "skipped";
}

/** True when no end of the waiting parents can make the rule hold any more: the taint. */
export function isTainted(
  rule: TriggerRule,
  waiting: number,
  success: number,
  failed: number,
  upstreamFailed: number,
  skipped: number,
): boolean {
  const failures = failed + upstreamFailed;
  switch (rule) {
    case "all_success":
      return failures + skipped > 0;
    case "all_failed":
      return success + skipped > 0;
    case "none_failed":
      return failures > 0;
    case "none_failed_min_one_success":
      return failures > 0 || (waiting === 0 && success === 0 && skipped > 0);
    case "all_skipped":
      return success + failures > 0;
    case "none_skipped":
      return skipped > 0;
    case "one_success":
      return waiting === 0 && success === 0 && failures + skipped > 0;
    case "one_failed":
      return waiting === 0 && failures === 0 && success + skipped > 0;
    case "all_done":
    case "always":
      return false;
  }
}

/** Whether the rule holds once all parents (at least one) have ended. */
function ruleHolds(rule: TriggerRule, success: number, failures: number, skipped: number): boolean {
  switch (rule) {
    case "all_success":
      return failures + skipped === 0;
    case "all_failed":
      return success + skipped === 0;
    case "one_success":
      return success > 0;
    case "one_failed":
      return failures > 0;
    case "none_failed":
      return failures === 0;
    case "none_failed_min_one_success":
      return failures === 0 && success > 0;
    case "all_skipped":
      return success + failures === 0;
    case "none_skipped":
      return skipped === 0;
    case "all_done":
    case "always":
      return true;
  }
}

/** Rules that a failure can break; the others end skipped whatever the parents came to. */
function failureBreaks(rule: TriggerRule): boolean {
  return (
    rule === "all_success" ||
    rule === "one_success" ||
    rule === "none_failed" ||
    rule === "none_failed_min_one_success" ||
    rule === "all_skipped"
  );
}
