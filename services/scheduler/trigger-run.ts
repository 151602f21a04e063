import { closestName } from "#core/closest-name.ts";
import type { Definition, JsonObject } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import type { ActiveDefinition } from "#ports/definition-store.ts";
import type { NewRun, RunType } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { makeRun } from "./make-run.ts";
import { completeRun } from "./run-draft.ts";
import { randomSuffix } from "./run-id.ts";
import { createTriggerTurns } from "./trigger-turns.ts";

/** A request for one run; times in milliseconds since 1970. */
export interface Trigger {
  readonly dagId: string;
  readonly parameters: JsonObject;
  /** Null: the time of the request. */
  readonly logicalAt: number | null;
  readonly note: string;
  /** Empty: one is made. */
  readonly externalTriggerId: string;
  readonly replaceExisting: boolean;
  readonly runType: Exclude<RunType, "scheduled">;
  readonly caller: string;
  readonly traceparent: string | null;
  /** Null: the request can't be told from a repeat. */
  readonly request: NewRun["request"];
}

export interface TriggeredRun {
  readonly runId: string;
  /** True: the same request made this run before. */
  readonly isRepeated: boolean;
  readonly warnings: readonly string[];
}

/** More at once are no faster than the connections that they share, and all of them slower; a client waits for seconds. */
const turns = { maxAtOnce: 32, patienceMs: 500 };

/** A date that the request did not choose is moved on by a millisecond at most so often. */
const maxDateTries = 1000;

/** Definitions whose names are looked through for the nearest one. */
const maxNameCandidates = 100;

/** Dates given out are forgotten beyond so many definitions, oldest first. */
const maxRememberedDates = 10_000;

/**
 * Makes runs on request. Any scheduler may: the unique index of dates decides, not leadership (G8). Resolves after
 * COMMIT (G1). Nothing is written any more for a caller who has gone, as `signal` says: behind a slow database it asks
 * again meanwhile, and what nobody waits for would keep the queue as long as it is. Throws DAG_NOT_FOUND, DAG_ARCHIVED,
 * MANUAL_TRIGGER_FORBIDDEN, INVALID_PARAMETERS, RUN_EXISTS (its `details.dag_run_id` is the run that has the date) and
 * IDEMPOTENCY_CONFLICT.
 */
export function createTriggerHandler(store: Store): (trigger: Trigger, signal?: AbortSignal) => Promise<TriggeredRun> {
  const dates = new LastDates();
  const inTurn = createTriggerTurns(turns);
  const make = async (trigger: Trigger, signal: AbortSignal | undefined): Promise<TriggeredRun> => {
    const active = await findDefinition(store, trigger);
    signal?.throwIfAborted();
    const now = store.now();
    const attempt = (logicalAt: number) => createRun(store, { trigger, active, logicalAt, now });
    if (trigger.logicalAt !== null) return attempt(trigger.logicalAt);
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt(dates.take(trigger.dagId, now));
      } catch (thrown) {
        const isTaken = thrown instanceof AppError && thrown.code === "RUN_EXISTS";
        if (!isTaken || tries >= maxDateTries) throw thrown;
      }
    }
  };
  return (trigger, signal) => inTurn(() => make(trigger, signal), signal);
}

/** Gives each request of a definition a millisecond of its own, so that a burst of them rarely meets in the store. */
class LastDates {
  readonly #lastByDag = new Map<string, number>();

  take(dagId: string, now: number): number {
    const date = Math.max(Math.floor(now), (this.#lastByDag.get(dagId) ?? 0) + 1);
    this.#lastByDag.delete(dagId);
    this.#lastByDag.set(dagId, date);
    const [oldest] = this.#lastByDag.keys();
    if (this.#lastByDag.size > maxRememberedDates && oldest !== undefined) this.#lastByDag.delete(oldest);
    return date;
  }
}

/** The definition in force that a request names. Throws DAG_NOT_FOUND, DAG_ARCHIVED and MANUAL_TRIGGER_FORBIDDEN. */
export async function findDefinition(
  store: Store,
  { dagId, runType }: Pick<Trigger, "dagId" | "runType">,
): Promise<ActiveDefinition> {
  const active = await store.definitions.getActive(dagId);
  if (active === null) throw await notFound(store, dagId);
  if (!active.isActive) {
    throw new AppError(
      "DAG_ARCHIVED",
      `DAG ${dagId} is archived: its definition is no longer in force; restore its file`,
      {
        details: { dag_id: dagId },
      },
    );
  }
  if (runType === "manual" && !(active.definition as Definition).allowManualTrigger) {
    throw new AppError("MANUAL_TRIGGER_FORBIDDEN", `DAG ${dagId} takes no manual triggers; its definition says so`, {
      details: { dag_id: dagId },
    });
  }
  return active;
}

async function notFound(store: Store, dagId: string): Promise<AppError> {
  const page = { limit: maxNameCandidates, cursor: null, sort: null };
  const { items } = await store.queries.listDags(page, { isActive: true, text: null });
  const closest = closestName(
    dagId,
    items.map((dag) => dag.dagId),
  );
  const advice = closest === null ? "" : `; did you mean ${closest}?`;
  return new AppError("DAG_NOT_FOUND", `there is no DAG ${dagId}${advice}`, {
    details: { dag_id: dagId, ...(closest === null ? {} : { closest }) },
  });
}

async function createRun(
  store: Store,
  options: { trigger: Trigger; active: ActiveDefinition; logicalAt: number; now: number },
): Promise<TriggeredRun> {
  const { trigger, active, logicalAt, now } = options;
  const run = completeRun(
    {
      definition: active.definition as Definition,
      given: trigger.parameters,
      dagKey: active.dagKey,
      versionKey: active.versionKey,
      logicalAt,
      intervalStartAt: logicalAt,
      intervalEndAt: logicalAt,
      runType: trigger.runType,
      triggeredBy: trigger.caller,
      externalTriggerId: trigger.externalTriggerId === "" ? `manual_${randomSuffix()}` : trigger.externalTriggerId,
      note: trigger.note,
      traceparent: trigger.traceparent,
      whenFull: "wait",
      // A date that the request did not choose is another's by accident: it must not be taken from it.
      replaceExisting: trigger.replaceExisting && trigger.logicalAt !== null,
      request: trigger.request,
      leaderEpoch: null,
    },
    { now, suffix: randomSuffix() },
  );
  const result = await makeRun(store, active.definition as Definition, run);
  switch (result.kind) {
    case "created":
      return { runId: result.runId, isRepeated: false, warnings: run.warnings };
    case "repeated":
      return { runId: result.runId, isRepeated: true, warnings: run.warnings };
    case "exists":
      throw new AppError(
        "RUN_EXISTS",
        `DAG ${trigger.dagId} has a run of ${new Date(logicalAt).toISOString()} already: ${result.runId}`,
        { details: { dag_id: trigger.dagId, dag_run_id: result.runId } },
      );
    case "skipped": {
      const holder = result.holder === null ? "" : `: ${result.holder}`;
      throw new AppError(
        "CONCURRENCY_LIMIT",
        `DAG ${trigger.dagId} skips runs while one of the key ${JSON.stringify(result.key)} is active${holder}`,
        { details: { dag_id: trigger.dagId, key: result.key, dag_run_id: result.holder } },
      );
    }
    case "request_conflict":
      throw new AppError("IDEMPOTENCY_CONFLICT", `request id ${run.request?.id ?? ""} was used for another request`, {
        details: { request_id: run.request?.id ?? "" },
      });
    case "not_leader":
      throw new AppError("INTERNAL", "a trigger needs no leader and was refused for want of one");
  }
}
