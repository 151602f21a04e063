import { describe, expect, test } from "vitest";
import { isTerminal, type TaskState, taskStates } from "./states.ts";
import { isLegalTransition, legalTransitions, type TransitionCause } from "./transition-table.ts";

/**
 * The legal transitions, copied by hand from the chart in the design ("Legal transitions of a task instance"), one
 * `from → to …` a line under what causes them. Lines without a line there say where they come from.
 */
const chart: Readonly<Record<TransitionCause, string>> = {
  // Rule holds; in-degree 0 and the rule cannot hold.
  rule: "none → queued upstream_failed skipped",
  // `when` is false; `for_each` of nothing; something can't be rendered; else its turn has come.
  evaluation: "none → queued skipped success failed",
  // A group runs while an item goes on, then failed if one failed for good, else success (spec 3, fan-out).
  group: `queued → running success failed
    running → success failed`,
  claim: "queued → running",
  // `queued` is a deferral, `skipped` the skip that a worker reports.
  outcome: "running → success failed up_for_retry queued skipped",
  lost: "running → up_for_retry failed",
  retry_due: "up_for_retry → queued",
  // Any non-terminal fails by queue, retry or run timeout; what waits when the run times out is skipped (spec 3).
  timeout: `none → failed skipped
    queued → failed skipped
    up_for_retry → failed skipped
    running → failed`,
  cancel: `none → skipped
    queued → skipped
    running → skipped
    up_for_retry → skipped`,
  mark: `none → success failed skipped
    queued → success failed skipped
    running → success failed skipped
    up_for_retry → success failed skipped
    success → success failed skipped
    failed → success failed skipped
    upstream_failed → success failed skipped
    skipped → success failed skipped
    removed → success failed skipped`,
  // A rerun is allowed from every state; what is gone from the new version, or an item of the old life, is removed.
  clear: `none → none removed
    queued → none removed
    running → none removed
    up_for_retry → none removed
    success → none removed
    failed → none removed
    upstream_failed → none removed
    skipped → none removed
    removed → none removed`,
  // Stamps, counts and releases change no state.
  note: `none → none
    queued → queued
    running → running
    up_for_retry → up_for_retry
    success → success
    failed → failed
    upstream_failed → upstream_failed
    skipped → skipped
    removed → removed`,
};

const causes = Object.keys(chart) as TransitionCause[];

function chartOf(cause: TransitionCause): ReadonlySet<string> {
  return new Set(
    chart[cause].split("\n").flatMap((line) => {
      const [from = "", to = ""] = line.trim().split(" → ");
      return to.split(" ").map((state) => `${from} ${state}`);
    }),
  );
}

test("the chart knows every cause and only states that exist", () => {
  expect(causes.toSorted()).toEqual(Object.keys(legalTransitions).toSorted());
  const words = causes.flatMap((cause) => [...chartOf(cause)].flatMap((pair) => pair.split(" ")));
  expect(new Set(words)).toEqual(new Set(taskStates));
});

describe.each(causes)("%s", (cause) => {
  const allowed = chartOf(cause);

  test.each(taskStates)("from %s goes where the chart says and nowhere else", (from) => {
    const expected = taskStates.filter((to) => allowed.has(`${from} ${to}`));
    expect(taskStates.filter((to) => isLegalTransition(cause, from, to))).toEqual(expected);
  });
});

test("only a mark, a rerun and a note touch a terminal state", () => {
  const terminal: readonly TaskState[] = ["success", "failed", "upstream_failed", "skipped", "removed"];
  expect(taskStates.filter(isTerminal)).toEqual(terminal);
  for (const cause of causes) {
    const leaves = terminal.some((from) => taskStates.some((to) => isLegalTransition(cause, from, to)));
    expect(leaves, `${cause} and terminal states`).toBe(cause === "mark" || cause === "clear" || cause === "note");
  }
});
