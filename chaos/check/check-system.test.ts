import { describe, expect, it } from "vitest";
import type { LedgerDag } from "../ledger/ledger-dag.ts";
import { parseLedger } from "../ledger/read-ledger.ts";
import { checkSystem } from "./check-system.ts";
import type { AttemptFacts, EventFacts, InstanceFacts, RunFacts, SystemFacts } from "./facts.ts";

/** a, then b, which fails its first attempt. */
const dag: LedgerDag = {
  id: "pair",
  tasks: [
    { id: "a", parents: [], rule: "all_success", ending: "succeeds", seconds: 1 },
    { id: "b", parents: ["a"], rule: "all_success", ending: "fails_first", seconds: 1 },
  ],
};

const lines = `r/a/1.1 start 1
r/a/1.1 end 2
r/b/1.1 start 3
r/b/1.1 end 4
r/b/1.2 start 5
r/b/1.2 end 6
`;

const instance: InstanceFacts = {
  ...{ taskId: "a", ordinal: 0, state: "success", generation: 1, tryNumber: 1, fence: 1, isHeld: false, inDegree: 0 },
  ...{ parentsSuccess: 0, parentsFailed: 0, parentsUpstreamFailed: 0, parentsSkipped: 0 },
};

const attempt: AttemptFacts = {
  ...{ taskId: "a", generation: 1, tryNumber: 1, fence: 1, state: "success", errorCode: null },
  ...{ startedAt: 1000, endedAt: 2000, releasedAt: 2000 },
};

const history = [
  ["dag_run.created", null],
  ["task_instance.queued", "a"],
  ["task_instance.running", "a"],
  ["task_instance.success", "a"],
  ["task_instance.queued", "b"],
  ["task_instance.running", "b"],
  ["task_instance.retry", "b"],
  ["task_instance.queued", "b"],
  ["task_instance.running", "b"],
  ["task_instance.success", "b"],
  ["dag_run.ended", null],
] as const;

const events = history.map(
  ([type, taskId], place): EventFacts => ({ sequence: place + 1, eventId: place + 1, type, taskId }),
);

const second: AttemptFacts = { ...attempt, taskId: "b", startedAt: 5000, endedAt: 6000, releasedAt: 6000 };

const run: RunFacts = {
  ...{ runId: "r", dagId: "pair", state: "success", hasEnded: true, heldCount: 0, logicalAt: 0, queuedAt: 0 },
  eventSequence: events.length,
  counts: { success: 2, failed: 0 },
  instances: [instance, { ...instance, taskId: "b", ordinal: 1, tryNumber: 2, fence: 2, parentsSuccess: 1 }],
  attempts: [
    attempt,
    { ...second, state: "failed", errorCode: "exit_code", startedAt: 3000, endedAt: 4000, releasedAt: 4000 },
    { ...second, tryNumber: 2, fence: 2 },
  ],
  events,
};

const good: SystemFacts = {
  dags: [dag],
  ledger: parseLedger(lines),
  runs: [run],
  shown: [
    {
      runId: "r",
      state: "success",
      hasEnded: true,
      states: new Map([
        ["a", "success"],
        ["b", "success"],
      ]),
    },
  ],
  acknowledged: new Map([["request1", "r"]]),
  unanswered: 0,
  eventIds: events.map(({ sequence }) => sequence),
  unpublishedEvents: 0,
  takenSlots: 0,
  hasFrozenHosts: false,
};

/** The facts of the run that keeps every promise, with some of its run's changed. */
function withRun(change: Partial<RunFacts>): SystemFacts {
  return { ...good, runs: [{ ...run, ...change }] };
}

function withInstance(change: Partial<InstanceFacts>): SystemFacts {
  return withRun({ instances: run.instances.map((row) => (row.taskId === "b" ? { ...row, ...change } : row)) });
}

/** Changes the last attempt of b. */
function withAttempt(change: Partial<AttemptFacts>): SystemFacts {
  return withRun({ attempts: run.attempts.map((row) => (row.tryNumber === 2 ? { ...row, ...change } : row)) });
}

function withLedger(text: string): SystemFacts {
  return { ...good, ledger: parseLedger(text) };
}

function withHistory(change: (events: readonly EventFacts[]) => readonly EventFacts[]): SystemFacts {
  const changed = change(events).map((event, place) => ({ ...event, sequence: place + 1 }));
  return withRun({ events: changed, eventSequence: changed.length });
}

const third = { ...second, tryNumber: 3, fence: 3, startedAt: 7000, endedAt: 8000, releasedAt: 8000 };

/** Made by the clock, with three slots, and a run of each given date. */
function withSchedule(...dates: readonly number[]): SystemFacts {
  const dags = [{ ...dag, schedule: { startAt: 1000, endAt: 4000, everyMs: 1000 } }];
  const runs = dates.map((logicalAt) => ({ ...run, logicalAt }));
  return { ...good, dags, runs, acknowledged: new Map() };
}

describe("the checker", () => {
  it("finds nothing in a system that keeps every promise", () => {
    expect(checkSystem(good)).toEqual([]);
  });

  it("finds nothing when a worker was lost in the middle of an attempt, with or without its end in the ledger", () => {
    const attempts = [
      attempt,
      { ...second, state: "lost", startedAt: 2500, endedAt: 2600, releasedAt: 2600 },
      ...run.attempts.slice(1).map((row) => ({ ...row, tryNumber: row.tryNumber + 1, fence: row.fence + 1 })),
    ];
    for (const end of ["", "r/b/1.1 end 2.6\n"]) {
      const text = lines.replaceAll("b/1.2", "b/1.3").replaceAll("b/1.1", "b/1.2");
      const ledger = parseLedger(text.replace("r/b/1.2 start 3\n", `r/b/1.1 start 2.5\n${end}r/b/1.2 start 3\n`));
      expect(checkSystem({ ...withRun({ attempts }), ledger })).toEqual([]);
    }
  });

  it("finds nothing when each slot of a schedule has its run", () => {
    expect(checkSystem(withSchedule(1000, 2000, 3000))).toEqual([]);
  });

  it.each<readonly [string, SystemFacts, RegExp]>([
    [
      "an old attempt that lives on",
      withLedger(`${lines}r/b/1.1 beat 7\n`),
      /had its try 1 beat while try 2 was alive.*I4/,
    ],
    ["a slot that was missed", withSchedule(1000, 3000), /slot 1970-01-01T00:00:02.000Z of pair has 0 runs.*G8/],
    ["a slot with two runs", withSchedule(1000, 2000, 2000, 3000), /00:00:02.000Z of pair has 2 runs.*G8/],
    [
      "a run outside the schedule",
      withSchedule(1000, 2000, 3000, 4000),
      /1970-01-01T00:00:04.000Z, which is no slot.*G8/,
    ],
    ["a run that never ends", withRun({ hasEnded: false, state: "running" }), /has not ended.*I1/],
    ["a run that ends wrong", withRun({ state: "failed" }), /ended failed instead of success.*I6/],
    ["a run of nobody's DAG", withRun({ dagId: "other" }), /which nobody defined/],
    ["an instance that is missing", withRun({ instances: [instance], counts: { success: 1 } }), /no instance of b.*I5/],
    ["an instance in a wrong state", withInstance({ state: "failed" }), /b failed instead of success.*I1, I6/],
    ["a count of states that is wrong", withRun({ counts: { success: 1 } }), /counts 1 success, there are 2.*I2/],
    ["a count of held attempts", withRun({ heldCount: 1 }), /counts 1 held.*I2/],
    ["an instance that is still held", withInstance({ isHeld: true }), /still holds an attempt of b.*I2/],
    ["a slot that was not freed", { ...good, takenSlots: 1 }, /1 slots are taken.*I2/],
    ["an in-degree that fell twice", withInstance({ inDegree: -1 }), /-1 parents to wait for of b, there are 0.*I6/],
    ["a parent counted twice", withInstance({ parentsSuccess: 2 }), /2 parents in success of b, there are 1.*I6/],
    ["a gap in the attempts", withAttempt({ tryNumber: 3 }), /try 3 in place of 2.*I3/],
    ["an attempt that never settled", withAttempt({ state: "running", endedAt: null }), /never settled try 2.*I2/],
    ["an attempt that was never released", withAttempt({ releasedAt: null }), /never released try 2.*I2/],
    ["two settled successes", withRun({ attempts: [...run.attempts, third] }), /began try 3 after its success.*I2/],
    ["more retries than allowed", withRun({ attempts: [...run.attempts, third] }), /used 3 attempts.*I3/],
    ["a fence that did not grow", withAttempt({ fence: 1 }), /fence 1 after fence 1.*I4/],
    ["attempts that overlap by the database", withAttempt({ startedAt: 3500 }), /before try 1 was released.*I4/],
    ["a run that the database lost", { ...good, runs: [] }, /ledger has run r, the database has not.*I5/],
    ["an attempt that ran twice", withLedger(`${lines}r/b/1.2 start 7\n`), /started try 2 2 times.*I3/],
    ["an end without a start", withLedger(lines.replace("r/b/1.2 start 5\n", "")), /ended try 2 1 times.*I3/],
    ["a success that never ended", withLedger(lines.replace("r/b/1.2 end 6\n", "")), /success by try 2, which.*I5/],
    ["an attempt without a claim", withLedger(`${lines}r/b/1.3 start 7\n`), /ran as try 3, of which.*I3/],
    [
      "an old attempt alive beside a new one",
      withLedger(lines.replace("r/b/1.1 end 4\nr/b/1.2 start 5\n", "r/b/1.2 start 4\nr/b/1.1 end 5\n")),
      /had its try 1 end while try 2 was alive.*I4/,
    ],
    [
      "a child before its parent's end",
      withLedger(lines.replace("r/a/1.1 end 2\nr/b/1.1 start 3\n", "r/b/1.1 start 2\nr/a/1.1 end 3\n")),
      /b began before its parent a had ended.*I6/,
    ],
    ["a lost event", withRun({ events: events.slice(0, -1) }), /counts 11 events, there are 10.*I5/],
    ["an event in a wrong place", withRun({ events: events.toReversed() }), /has event 11 in place of 1.*I5/],
    [
      "a transition that is not in the chart",
      withHistory((all) => all.filter(({ type, taskId }) => type !== "task_instance.running" || taskId !== "a")),
      /has a success after queued.*I2/,
    ],
    [
      "a terminal state that is left",
      withHistory((all) => [...all.slice(0, 4), ...all.slice(2)]),
      /running after success.*I2/,
    ],
    ["a run that ends twice", withHistory((all) => [...all, ...all.slice(-1)]), /ended 2 times.*I2/],
    ["a gap in the event log", { ...good, eventIds: [1, 2, 4] }, /event 4 follows event 2.*I5/],
    ["an event that is told twice", { ...good, eventIds: [1, 2, 2] }, /event 2 follows event 2.*I5/],
    ["an event that is never told", { ...good, unpublishedEvents: 1 }, /1 events were never published.*I5/],
    [
      "an acknowledged run that is lost",
      { ...good, acknowledged: new Map([...good.acknowledged, ["request2", "gone"]]) },
      /request2 was answered run gone, which is not there.*I5/,
    ],
    ["a run that nobody asked for", { ...good, acknowledged: new Map() }, /1 runs were made for 0 unanswered.*I5/],
    [
      "one run for two requests",
      { ...good, acknowledged: new Map([...good.acknowledged, ["request2", "r"]]) },
      /2 requests were answered 1 runs.*I5/,
    ],
    ["a run that nobody is shown", { ...good, shown: [] }, /is not shown.*I5/],
    [
      "a run that is shown wrong",
      { ...good, shown: good.shown.map((seen) => ({ ...seen, state: "failed" })) },
      /is shown failed.*I5/,
    ],
    [
      "an instance that is shown wrong",
      { ...good, shown: good.shown.map((seen) => ({ ...seen, states: new Map() })) },
      /has a shown nowhere.*I5/,
    ],
  ])("goes red for %s", (_, facts, says) => {
    expect(checkSystem(facts)).toContainEqual(expect.stringMatching(says));
  });
});

describe("the ledger", () => {
  it("refuses a line that it does not know, by its number", () => {
    expect(() => parseLedger("r/a/1.1 start 1\nr/a/1.1 sta")).toThrow("line 2 of the ledger is none: r/a/1.1 sta");
  });

  it("takes the decimal comma of some locales", () => {
    expect(parseLedger("r/a/1.1 start 1,5\n")[0]?.at).toBe(1.5);
  });
});
