import { expect } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { Plan } from "#core/plan.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { PublishedEvent } from "#ports/event-log.ts";
import type { RunChange, RunChangeResult, WriteFindings } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { newVersion } from "#testing/dag-builder.ts";
import { type PlanSpec, planOfSpec } from "#testing/plan-spec.ts";
import { type RandomAction, toEvent } from "#testing/random-run.ts";
import { newRun } from "#testing/store-driver.ts";
import { hello, registerWorker } from "#testing/worker-builder.ts";
import { type Row, type Side, toComparable } from "./database-side.testsuite.ts";
import { type Batch, farMs, type Sequence, type Step, type Writes } from "./random-writes.testsuite.ts";

/** Decisions are made with times of so long ago, a second after the other: what comes of them is due, or far from it. */
const pastMs = 1_000_000;
const stepMs = 1000;
/** A process's estimate of the database clock is better than this. */
const clockErrorMs = 50;

interface Version {
  readonly versionKey: number;
  readonly version: number;
  readonly plan: Plan;
}

/** A run as it goes on one side. */
export interface PlayedRun {
  readonly runKey: number;
  readonly sequence: Sequence;
  /** Of its DAG: its own and one that it may be moved to. */
  readonly versions: readonly Version[];
  /** All that it has been, oldest first. */
  readonly history: RunAggregate[];
  readonly answers: string[];
  lastEvents: readonly RunEvent[];
}

/** Writes as they went on one side. */
export interface PlayedWrites {
  readonly side: Side;
  readonly runs: readonly PlayedRun[];
  /** Before everything else, by the database's clock. */
  readonly startedAt: number;
  readonly workerKeys: readonly number[];
}

export async function playWrites(side: Side, { sequences, batches }: Writes): Promise<PlayedWrites> {
  const [first] = side.executors;
  const workers = await Promise.all(["w0", "w1", "w2"].map((id) => registerWorker(first, hello(id))));
  for (const { workerKey, sessionNumber } of workers.slice(2)) await first.workers.signOff(workerKey, sessionNumber);
  const startedAt = first.now();
  const runs = await beginRuns(side, sequences);
  const madeBy = first.now();
  const played = { side, runs, startedAt, workerKeys: workers.map(({ workerKey }) => workerKey) };
  for (const [number, batch] of batches.entries()) await playBatch(played, batch, number);
  await side.reaches(madeBy + 2 * clockErrorMs);
  return played;
}

/** Makes the runs one after the other. Each two are of one DAG, whose versions are the plans of both. */
async function beginRuns(side: Side, sequences: readonly Sequence[]): Promise<readonly PlayedRun[]> {
  const [executor] = side.executors;
  const specs = sequences.map(({ spec }) => spec);
  const dags = Array.from({ length: Math.ceil(specs.length / 2) }, (_, dag) =>
    registerVersions(side, `dag-${dag}`, specs.slice(2 * dag, 2 * dag + 2)),
  );
  const versions = await Promise.all(dags);
  const runKeys: number[] = [];
  for (const place of sequences.keys()) {
    const own = versions[place >> 1]?.[place % 2];
    if (own === undefined) throw new Error("every run has a version of its own");
    const run = newRun(own, { runId: `run-${place}`, logicalAt: Date.UTC(2000, 0, 1 + place) });
    const made = await executor.runs.createRun(run);
    runKeys.push(made.kind === "created" ? made.runKey : -1);
  }
  const present = await readRuns(executor, runKeys);
  return sequences.map((sequence, place) => ({
    runKey: runKeys[place] ?? -1,
    sequence,
    versions: versions[place >> 1] ?? [],
    history: present.slice(place, place + 1),
    answers: [],
    lastEvents: [],
  }));
}

async function registerVersions(
  { executors: [{ definitions }], definitionOf }: Side,
  dagId: string,
  specs: readonly PlanSpec[],
): Promise<readonly (Version & { readonly dagKey: number })[]> {
  const versions = [];
  for (const [place, spec] of specs.entries()) {
    const hash = `${dagId}/${place}`;
    await definitions.register(newVersion(dagId, { spec, hash, definition: definitionOf(spec) }));
    const active = await definitions.getActive(dagId);
    if (active === null) throw new Error(`${dagId} is not active`);
    const { dagKey, versionKey, version } = active;
    versions.push({ dagKey, versionKey, version, plan: planOfSpec(spec) });
  }
  return versions;
}

async function readRuns({ runs }: Store, runKeys: readonly number[]): Promise<readonly RunAggregate[]> {
  const results = await runs.changeRuns(runKeys.map((runKey) => ({ runKey, decide: () => null })));
  return results.map((result) => {
    if (result.kind !== "unchanged") throw new Error(`a run cannot be read: ${result.kind}`);
    return result.run;
  });
}

const missing: RunChange = {
  runKey: 2 ** 40,
  decide: () => {
    throw new Error("there is no run to decide on");
  },
};

/** Writes the next step of every run that has one, and checks what the answers must be. */
async function playBatch(played: PlayedWrites, batch: Batch, number: number): Promise<void> {
  const { runs } = played.side.executors[batch.executor];
  const now = played.startedAt - pastMs + number * stepMs;
  const made = played.runs.flatMap((run) => {
    const step = run.sequence.steps[number];
    return step === undefined ? [] : [{ run, ...changeOf(run, step, { workerKeys: played.workerKeys, now }) }];
  });
  const absent = batch.withMissing ? [missing] : [];
  const results = await runs.changeRuns([...made.map(({ change }) => change), ...absent]);
  const refused = made.filter((_, place) => results[place]?.kind === "busy");
  expect(refused, "what is stale, and that alone, is refused").toEqual(made.filter(({ isStale }) => isStale));
  for (const [place, { run }] of made.entries()) {
    const result = results[place];
    run.answers.push(result?.kind ?? "");
    if (result?.kind === "applied") run.history.push(result.run);
  }
  expect(results.slice(made.length)).toEqual(absent.map(() => ({ kind: "missing" })));
  if (batch.twice) await sendAgain(runs, results);
}

/** Decisions that were written are stale now. */
async function sendAgain(runs: Store["runs"], results: readonly RunChangeResult[]): Promise<void> {
  const changes = results.flatMap((result) =>
    result.kind === "applied" ? [{ runKey: result.run.run.runKey, decide: () => result.decision }] : [],
  );
  expect(await runs.changeRuns(changes)).toEqual(changes.map(() => ({ kind: "busy" })));
}

interface Moment {
  readonly workerKeys: readonly number[];
  readonly now: number;
}

function changeOf(run: PlayedRun, step: Step, moment: Moment): { change: RunChange; isStale: boolean } {
  const { runKey, history } = run;
  const decide = (present: RunAggregate, { lacksRoom }: WriteFindings): Decision | null => {
    if (step.kind === "nothing") return null;
    if (step.kind !== "repeat") run.lastEvents = step.actions.map((action) => eventOf(run, present, action, moment));
    const [workerKey = -1] = moment.workerKeys;
    const handOff = step.handsOff ? () => workerKey : undefined;
    return decideRun(present, run.lastEvents, moment.now, { handOff, lacksRoom });
  };
  const former = step.kind === "stale" ? history.slice(0, -1) : [];
  const seen = former[step.pick % Math.max(1, former.length)];
  if (seen === undefined) return { change: { runKey, decide }, isStale: false };
  const decision = decide(seen, { lacksRoom: false });
  // What is stale is refused for that, whatever room there is.
  return { change: { runKey, decide: () => decision }, isStale: decision !== null };
}

/** The event that an action means, with this side's keys and times. */
function eventOf(run: PlayedRun, present: RunAggregate, action: RandomAction, { workerKeys, now }: Moment): RunEvent {
  const event = toEvent(present, action);
  if (event.kind === "claim") return { ...event, workerKey: workerKeys[event.workerKey - 1] ?? -1 };
  if (event.kind === "rerun" && event.target !== null && event.target.version !== null) {
    const version = run.versions.find(({ versionKey }) => versionKey !== present.run.versionKey) ?? null;
    return { ...event, target: { ...event.target, version } };
  }
  if (event.kind !== "outcome" || event.outcome.kind !== "deferred") return event;
  const dueAt = event.outcome.dueAt === null ? null : now + (action.pick % 2 === 0 ? farMs : 1);
  return { ...event, outcome: { ...event.outcome, dueAt, waitsFor: action.pick % 5 === 0 ? "a sensor" : null } };
}

/** One transaction for all runs, decided on what they are: each writes instances. */
export function decideForAll({ runs, startedAt }: PlayedWrites): readonly Decision[] {
  return runs.flatMap(({ history }) => {
    const present = history.at(-1);
    if (present === undefined) return [];
    const ordinals = present.instances.map(({ ordinal }) => ordinal);
    const author = { by: "someone", note: "" };
    const mark: RunEvent = { kind: "mark", ordinals, state: "success", includeDownstream: false, author };
    const clear: RunEvent = { kind: "clear", ordinals, includeDownstream: false, author };
    return decideRun(present, [mark], startedAt) ?? decideRun(present, [clear], startedAt) ?? [];
  });
}

/** Everything that is stored of each run, as another process reads it. */
export async function readWritten(played: PlayedWrites): Promise<readonly unknown[]> {
  const { side, runs } = played;
  const attempts = Map.groupBy((await side.readRows("attempts")).toSorted(comparePlaces), ({ runKey }) => runKey);
  const outputs = Map.groupBy((await side.readRows("outputs")).toSorted(comparePlaces), ({ runKey }) => runKey);
  const events = Map.groupBy(await readEvents(side.reader), ({ dagRunId }) => dagRunId);
  const present = await readRuns(
    side.reader,
    runs.map(({ runKey }) => runKey),
  );
  const changes = runs.map(({ history }) => history.length - 1);
  expect(
    present.map(({ run }) => run.sequence),
    "runs have changed as often as it was said",
  ).toEqual(changes);
  return runs.map(({ runKey, answers, history, versions }, place) => {
    const { run, instances, plan } = present[place] ?? {};
    const version = versions.findIndex(({ versionKey }) => versionKey === run?.versionKey);
    const tasks = plan?.tasks.map(({ id }) => id);
    const rows = { attempts: attempts.get(runKey), outputs: outputs.get(runKey), events: events.get(`run-${place}`) };
    return compared(played, { answers, version, tasks, run, instances, ...rows }, history[0]);
  });
}

function comparePlaces(a: Row, b: Row): number {
  const [first, second] = [a, b].map((row) => [row["ordinal"], row["generation"], row["tryNumber"], row["key"]].join());
  return (first ?? "") < (second ?? "") ? -1 : 1;
}

/** What is published of all runs, each run's events in their order. */
async function readEvents({ leases, events }: Store): Promise<readonly Omit<PublishedEvent, "id" | "at">[]> {
  const lease = await leases.acquire({ name: "relay", holder: "reader", ttlMs: farMs });
  while (((await events.publish(lease?.epoch ?? -1, 500)) ?? 0) > 0);
  const published = await events.readAfter({ afterId: 0, limit: 1_000_000, filter: {} });
  expect(published.map(({ id }) => id)).toEqual(published.map((_, place) => place + 1));
  return published.map(({ id: _id, at: _at, ...event }) => event);
}

/** What dispatchers, timers and the reaper would find now. */
export async function readOffers(played: PlayedWrites): Promise<Readonly<Record<string, readonly string[]>>> {
  const { runs } = played.side.reader;
  const places = new Map(played.runs.map(({ runKey }, place) => [runKey, place]));
  const show = (found: readonly { readonly runKey: number }[]): readonly string[] =>
    found.map(({ runKey, ...others }) => JSON.stringify(compared(played, { run: places.get(runKey), ...others })));
  const limit = 100_000;
  const every = { queues: ["default", "big"], backends: [null] };
  const held = await Promise.all(played.workerKeys.map((workerKey) => runs.listHeldByWorker(workerKey)));
  return {
    queued: show((await runs.pickQueued({ ...every, limit })).instances),
    // Not more than two beyond the oldest: PostgreSQL reads a part of each DAG, and two of each are always in it.
    best: show((await runs.pickQueued({ ...every, limit: 2 })).instances),
    oldest: show((await runs.pickQueued({ ...every, limit: 7, oldestAt: [0, 1, 2, 3, 4] })).instances),
    ofQueue: show((await runs.pickQueued({ ...every, queues: ["big"], limit: 2 })).instances),
    due: show(await runs.listDue(limit)).toSorted(),
    held: show(held.flat()).toSorted(),
    heldByLost: show(await runs.listHeldByLostWorkers(limit)).toSorted(),
    awaiting: show(await runs.listAwaitingEvaluation(limit)).toSorted(),
  };
}

/** Times count from the beginning; those of the run's making, which are by the real clock, are only told as such. */
function compared({ startedAt, workerKeys }: PlayedWrites, value: unknown, made?: RunAggregate): unknown {
  const toTime = (at: number): unknown => {
    if (at === made?.run.queuedAt) return "made";
    if (at === made?.run.timeoutAt) return "timeout as made";
    return Math.abs(at - startedAt) < 2 * farMs ? at - startedAt : at;
  };
  return toComparable(value, { workerKeys, toTime });
}
