import fc from "fast-check";
import { decideRun } from "#core/decide-run.ts";
import type { PublishedEvent } from "#ports/event-log.ts";
import type { Store } from "#ports/store.ts";
import type { KeptOutcome } from "#ports/worker-store.ts";
import { newVersion } from "#testing/dag-builder.ts";
import { newRun } from "#testing/store-driver.ts";
import { beatOf, hello, listWorkers } from "#testing/worker-builder.ts";
import { type Side, toComparable } from "./database-side.testsuite.ts";

/** A request that is not a change of runs alone. What it picks from is what earlier ones have made. */
export type Request =
  | {
      readonly kind: "create";
      readonly date: number;
      readonly replaceExisting: boolean;
      readonly request: { readonly id: string; readonly bodyHash: string } | null;
      readonly leaderEpoch: number | null;
    }
  | { readonly kind: "claim"; readonly pick: number }
  | {
      readonly kind: "register";
      readonly workerId: string;
      readonly start: number;
      readonly previousStart: number | null;
      readonly leaseMs: number;
      readonly hasOutcomes: boolean;
    }
  | { readonly kind: "beat"; readonly pick: number; readonly off: number; readonly leaseMs: number }
  | { readonly kind: "mark_lost"; readonly marginMs: number }
  | { readonly kind: "sign_off"; readonly pick: number; readonly off: number }
  | { readonly kind: "acquire"; readonly name: string; readonly holder: string; readonly ttlMs: number }
  | { readonly kind: "release"; readonly name: string; readonly holder: string }
  | { readonly kind: "publish"; readonly epoch: number; readonly limit: number };

const minuteMs = 60_000;
/** Of leases. A negative one ended so long ago, so that nobody has to wait for an end. */
const anyLife = fc.constantFrom(600 * minuteMs, 600 * minuteMs, -minuteMs, -10 * minuteMs);
const anyMargin = fc.constantFrom(0, 5 * minuteMs, 60 * minuteMs);
const anyName = fc.constantFrom("relay", "scheduler");
const anyHolder = fc.constantFrom("a", "b");
const anyWorkerId = fc.constantFrom("w0", "w1");
const anyStart = fc.nat(2);
const anyEpoch = fc.constantFrom(1, 1, 2, 3);
/** Of a session, mostly the present one. */
const anyOff = fc.constantFrom(0, 0, 0, -1, 1);
const anyBody = fc.record({ id: fc.constantFrom("r0", "r1"), bodyHash: fc.constantFrom("x", "x", "y") });
const kindOf = <K extends Request["kind"]>(kind: K): { readonly kind: fc.Arbitrary<K> } => ({
  kind: fc.constant(kind),
});

const anyCreate = fc.record({
  ...kindOf("create"),
  date: fc.nat(2),
  replaceExisting: fc.boolean(),
  request: fc.option(anyBody, { freq: 1 }),
  leaderEpoch: fc.option(anyEpoch, { freq: 1 }),
});
const anyRegister = fc.record({
  ...kindOf("register"),
  workerId: anyWorkerId,
  start: anyStart,
  previousStart: fc.option(anyStart),
  leaseMs: anyLife,
  hasOutcomes: fc.boolean(),
});

const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  { weight: 4, arbitrary: anyCreate },
  { weight: 2, arbitrary: fc.record({ ...kindOf("claim"), pick: fc.nat() }) },
  { weight: 4, arbitrary: anyRegister },
  { weight: 3, arbitrary: fc.record({ ...kindOf("beat"), pick: fc.nat(), off: anyOff, leaseMs: anyLife }) },
  { weight: 2, arbitrary: fc.record({ ...kindOf("mark_lost"), marginMs: anyMargin }) },
  { weight: 1, arbitrary: fc.record({ ...kindOf("sign_off"), pick: fc.nat(), off: anyOff }) },
  { weight: 4, arbitrary: fc.record({ ...kindOf("acquire"), name: anyName, holder: anyHolder, ttlMs: anyLife }) },
  { weight: 1, arbitrary: fc.record({ ...kindOf("release"), name: anyName, holder: anyHolder }) },
  { weight: 3, arbitrary: fc.record({ ...kindOf("publish"), epoch: anyEpoch, limit: fc.constantFrom(1, 3, 100) }) },
);

export const arbitraryRequests: fc.Arbitrary<readonly Request[]> = fc.array(anyRequest, {
  minLength: 1,
  maxLength: 20,
  size: "max",
});

/** What the requests before have made. */
interface Made {
  readonly dagKey: number;
  readonly versionKey: number;
  readonly runKeys: number[];
  readonly sessions: { readonly workerKey: number; readonly sessionNumber: number }[];
  /** Attempts whose outcome a worker may say that it has. */
  readonly claimed: KeptOutcome[];
}

/** The answer to each request, and what is there in the end; the executors take turns. */
export async function playRequests(side: Side, requests: readonly Request[]): Promise<unknown> {
  const { definitions } = side.executors[0];
  const spec = { tasks: [{ id: "a" }, { id: "b", parents: ["a"] }] };
  await definitions.register(newVersion("dag", { spec, definition: side.definitionOf(spec) }));
  const { dagKey = -1, versionKey = -1 } = (await definitions.getActive("dag")) ?? {};
  const made: Made = { dagKey, versionKey, runKeys: [], sessions: [], claimed: [] };
  const answers: unknown[] = [];
  for (const [number, request] of requests.entries()) {
    const store = side.executors[number % 2] ?? side.reader;
    answers.push((await send(store, request, made, number)) ?? null);
  }
  const workerKeys = made.sessions.map(({ workerKey }) => workerKey);
  return toComparable({ answers, ...(await readAll(side, made)) }, { workerKeys, toTime: () => "set" });
}

function send(store: Store, request: Request, made: Made, number: number): Promise<unknown> {
  switch (request.kind) {
    case "create":
      return create(store, request, made, number);
    case "claim":
      return claim(store, made, request.pick);
    case "register":
      return register(store, request, made);
    case "beat": {
      const status = request.pick % 2 === 0 ? "healthy" : "degraded";
      const { leaseMs } = request;
      return store.workers.beat([beatOf(sessionOf(made, request), { leaseMs, status, freeSlots: number })]);
    }
    case "mark_lost":
      return store.workers.markLost(request.marginMs);
    case "sign_off": {
      const { workerKey, sessionNumber } = sessionOf(made, request);
      return store.workers.signOff(workerKey, sessionNumber);
    }
    case "acquire":
      return store.leases.acquire(request);
    case "release":
      return store.leases.release(request);
    case "publish":
      return store.events.publish(request.epoch, request.limit);
  }
}

type RequestOf<K extends Request["kind"]> = Extract<Request, { kind: K }>;

async function create(
  { runs }: Store,
  { date, replaceExisting, request, leaderEpoch }: RequestOf<"create">,
  { dagKey, versionKey, runKeys }: Made,
  number: number,
): Promise<unknown> {
  const run = newRun(
    { dagKey, versionKey },
    {
      runId: `run-${number}`,
      logicalAt: Date.UTC(2000, 0, 1 + date),
      replaceExisting,
      request: request === null ? null : { caller: "test", ...request },
      leaderEpoch,
    },
  );
  const result = await runs.createRun(run);
  if (result.kind === "created") runKeys.push(result.runKey);
  return result;
}

/** Sets a run under way. */
async function claim(store: Store, { runKeys, sessions, claimed }: Made, pick: number): Promise<unknown> {
  const runKey = runKeys[pick % Math.max(1, runKeys.length)] ?? -1;
  const workerKey = sessions.at(-1)?.workerKey ?? 1;
  const event = { kind: "claim" as const, ordinal: 0, generation: 1, tryNumber: 1, workerKey };
  const results = await store.runs.changeRuns([{ runKey, decide: (run) => decideRun(run, [event], store.now()) }]);
  for (const result of results) {
    if (result.kind !== "applied") continue;
    const { runId } = result.run.run;
    claimed.push({ runId, taskId: "a", mapIndex: null, fence: result.run.instances[0]?.heldFence ?? 0 });
  }
  return results.map(({ kind }) => kind);
}

async function register(
  { workers }: Store,
  { workerId, start, previousStart, leaseMs, hasOutcomes }: RequestOf<"register">,
  { sessions, claimed }: Made,
): Promise<unknown> {
  const predecessors = previousStart === null ? [] : [`${workerId}-${previousStart}`];
  const outcomes = hasOutcomes ? claimed : [];
  const incarnation = `${workerId}-${start}`;
  const result = await workers.register(hello(workerId, { incarnation, predecessors, outcomes, leaseMs }));
  if (result.kind === "registered") sessions.push(result);
  return result;
}

function sessionOf({ sessions }: Made, { pick, off }: { pick: number; off: number }): Made["sessions"][number] {
  const { workerKey, sessionNumber } = sessions[pick % Math.max(1, sessions.length)] ?? {
    workerKey: -1,
    sessionNumber: 0,
  };
  return { workerKey, sessionNumber: sessionNumber + off };
}

async function readAll({ reader }: Side, { runKeys }: Made): Promise<Readonly<Record<string, unknown>>> {
  const { runs, events } = reader;
  const lastId = await events.lastId();
  const published = await events.readAfter({ afterId: 0, limit: 1000, filter: {} });
  return {
    runs: await runs.changeRuns(runKeys.map((runKey) => ({ runKey, decide: () => null }))),
    workers: await listWorkers(reader),
    lastId,
    ids: published.map(({ id }) => id),
    // Of several workers that are lost at once either may be told of first.
    events: published.map(({ id: _id, at: _at, ...event }) => event).toSorted(compareNames),
  };
}

function compareNames(a: Omit<PublishedEvent, "id" | "at">, b: Omit<PublishedEvent, "id" | "at">): number {
  const [first, second] = [`${a.eventType} ${a.resourceId}`, `${b.eventType} ${b.resourceId}`];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}
