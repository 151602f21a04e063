import type { Check, Diagnosis, StateDiagnosis, StateFinding } from "../doctor/diagnosis.ts";
import type { Color, Paint } from "./paint.ts";

const marks: Readonly<Record<Check["status"] | "info", readonly [icon: string, color: Color]>> = {
  ok: ["●", "green"],
  info: ["●", "blue"],
  warning: ["▲", "yellow"],
  problem: ["✗", "red"],
};

const statusWidth = "warning".length;

/** Every check on a line of its own, with the fix below it; then what is wrong with the state. */
export function renderDiagnosis({ checks, state }: Diagnosis, { paint }: { paint: Paint }): readonly string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap((check) => renderCheck(check, { paint, width }));
  if (state === null) return [...lines, "", "The state of the runs was not looked at."];
  return [...lines, "", ...renderState(state, paint)];
}

function renderCheck(
  { name, status, detail, fix }: Check,
  options: { paint: Paint; width: number },
): readonly string[] {
  const [icon, color] = marks[status];
  const word = options.paint(color, `${icon} ${status.padEnd(statusWidth)}`);
  const line = `${word}  ${name.padEnd(options.width)}  ${detail}`;
  return fix === "" ? [line] : [line, `${" ".repeat(statusWidth + options.width + 6)}fix: ${fix}`];
}

function renderState(state: StateDiagnosis, paint: Paint): readonly string[] {
  const { checkedRuns, checkedFiles, hasMoreFiles, findingCount, findings } = state;
  const files = checkedFiles === 0 ? "" : ` and ${countOf(checkedFiles, "file")}`;
  const looked = `${countOf(checkedRuns, "run")}${files} looked at`;
  const more = hasMoreFiles ? ["There are more files: `millrace doctor --all-files` looks at all of them."] : [];
  if (findingCount === 0) return [`State: ${looked}, nothing is wrong.`, ...more];
  const title = `State: ${looked}, ${countOf(findingCount, "finding")}.`;
  const lines = findings.flatMap((finding) => renderFinding(finding, paint));
  const left = findingCount - findings.length;
  return [title, ...lines, ...(left > 0 ? [`and ${left} more`] : []), ...more];
}

/** What each outcome leaves to do. */
const outcomeTexts: Readonly<Record<string, string>> = {
  repaired: "repaired",
  possible: "a repair is safe: `millrace doctor --repair`",
  busy: "another process was writing the run; look again",
  failed: "the repair was not written; the executor's log says why",
};

function renderFinding(finding: StateFinding, paint: Paint): readonly string[] {
  const { check, severity, guarantee, subject, detail, outcome, advice } = finding;
  const isKnown = severity === "problem" || severity === "info";
  const [icon, color] = outcome === "repaired" ? marks.ok : marks[isKnown ? severity : "warning"];
  const protects = guarantee === "" ? "" : ` (${guarantee})`;
  const title = `${paint(color, `${icon} ${check}`)}${protects}${subject === "" ? "" : `  ${subject}`}`;
  return [title, `    ${detail}`, `    ${outcomeTexts[outcome] ?? `fix: ${advice}`}`];
}

function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
