import { checkCron, cronMacros, isCronMacro } from "./cron.ts";
import { durationForms, formatDuration, parseDuration } from "./duration.ts";
import { parseWallText, wallTextForms } from "./wall-text.ts";

/** Which times, before zone, bounds and policies. */
export type TimeRule =
  /** Five fields or a macro for them. */
  | { readonly kind: "cron"; readonly cron: string }
  /** Counted from the start date, else from 1970-01-01T00:00:00Z. */
  | { readonly kind: "every"; readonly everyMs: number }
  | { readonly kind: "at"; readonly at: string }
  /** At the start date, else when the definition is registered. */
  | { readonly kind: "once" }
  /** Whenever the last run has ended. */
  | { readonly kind: "continuous" };

export type ReadRule =
  | { readonly isGood: true; readonly rule: TimeRule }
  | { readonly isGood: false; readonly problem: string };

/** Shorter intervals are refused: a run takes longer to be made and told about. */
const minEveryMs = 1000;

const every = /^@every\s+(\S+)$/i;

/** Reads a cron expression or a macro. */
export function readCronRule(text: string): ReadRule {
  const word = text.trim();
  const interval = every.exec(word)?.[1];
  if (interval !== undefined) return readEveryRule(interval);
  const rule = ruleOfText(text);
  if (rule.kind !== "cron") return good(rule);
  if (word.startsWith("@") && !isCronMacro(word)) {
    const shown = word.length > 40 ? `${word.slice(0, 39)}…` : word;
    const known = [...cronMacros, "@every 15m", "@once", "@continuous"].join(", ");
    return bad(`unknown macro "${shown}"; use five fields or one of ${known}`);
  }
  const problem = checkCron(text);
  return problem === null ? good(rule) : bad(problem);
}

/** The rule of a text that `readCronRule` has found good. */
export function ruleOfText(text: string): TimeRule {
  const word = text.trim();
  const interval = every.exec(word)?.[1];
  if (interval !== undefined) return { kind: "every", everyMs: parseDuration(interval) ?? minEveryMs };
  if (word.toLowerCase() === "@once") return { kind: "once" };
  if (word.toLowerCase() === "@continuous") return { kind: "continuous" };
  return { kind: "cron", cron: text };
}

/** Reads an interval such as `15m`. */
export function readEveryRule(text: string): ReadRule {
  const everyMs = parseDuration(text);
  if (everyMs === null) return bad(`an interval must be a duration greater than zero: ${durationForms}`);
  if (everyMs < minEveryMs) return bad(`an interval is at least ${formatDuration(minEveryMs)}`);
  return good({ kind: "every", everyMs });
}

/** Reads the time of a single run. */
export function readAtRule(text: string): ReadRule {
  if (parseWallText(text) === null) return bad(`a time must be a real date such as ${wallTextForms}`);
  return good({ kind: "at", at: text.trim() });
}

function good(rule: TimeRule): ReadRule {
  return { isGood: true, rule };
}

function bad(problem: string): ReadRule {
  return { isGood: false, problem };
}
