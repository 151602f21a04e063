import type { Definition } from "#definition/model.ts";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { StatePatch } from "#ports/sensor-firing.ts";
import type { SensorRow } from "#ports/sensor-store.ts";
import type { Store } from "#ports/store.ts";
import { formatDuration } from "#schedule/duration.ts";
import type { Firing, LookResult, PassedOver, SensorHost } from "#sensors/look.ts";
import { noPatch, quiet } from "#sensors/look.ts";
import { pollSensor } from "#sensors/poll-sensor.ts";
import type { Logger } from "#telemetry/logger.ts";
import { fireEvent, parameterOf } from "./fire-event.ts";
import { isLasting } from "./make-scheduled-run.ts";
import { type LookKind, nextPace, nextPollAt } from "./sensor-pace.ts";
import type { SensorStates } from "./sensor-states.ts";

export interface SensorContext {
  readonly store: Store;
  readonly epoch: number;
  readonly host: SensorHost;
  readonly states: SensorStates;
  /** The definition of a version. */
  readonly readDefinition: (versionKey: number) => Promise<Definition>;
  readonly createSuffix: () => string;
  readonly logger: Logger;
  /** Ends the look; nothing of it is written then. */
  readonly signal: AbortSignal;
  /** Told what of the look still runs when its time is over. */
  readonly leaveBehind: (running: Promise<unknown>) => void;
}

/** What came of the events of a look. */
interface FiredEvents {
  readonly stateVersion: number;
  readonly count: number;
  /** Those that make no run. */
  readonly skipped: readonly PassedOver[];
  /** Of all that came to something, in their order. */
  readonly patches: readonly StatePatch[];
  /** Why the rest of them wait for the next look; null: there is no rest. */
  readonly error: string | null;
}

/**
 * One look of a sensor whose turn has come: a run for each event, each together with what the sensor remembers then, and
 * then what the look came to. Whatever dies between is found by the next look. Throws what keeps the store from answering.
 */
export async function pollDueSensor(sensor: SensorRow, context: SensorContext): Promise<void> {
  const { store, states } = context;
  const startedAt = store.now();
  const definition = sensor.definition as SensorDefinition;
  const state = await states.read(sensor);
  if (state === null) return;
  try {
    const result = await look(definition, sensor, context, { state: sensor.hasBaseline ? state : null, startedAt });
    if (result === null) return;
    const fired = await fireAll(definition, sensor, context, result.firings);
    if (fired === null) return states.forget(sensor.sensorKey);
    const isWritten = await writeRecord({ definition, sensor, context, startedAt, result, fired });
    if (!isWritten) states.forget(sensor.sensorKey);
  } catch (thrown) {
    states.forget(sensor.sensorKey);
    await recordFailure(sensor, context, { startedAt, thrown });
  }
}

/** What can't be written of a look must not make the next ones come faster. Throws when this can't be written either. */
async function recordFailure(
  sensor: SensorRow,
  { store, epoch, logger }: SensorContext,
  { startedAt, thrown }: { startedAt: number; thrown: unknown },
): Promise<void> {
  const { sensorKey, dagId, sensorId } = sensor;
  logger.warn({ dag_id: dagId, sensor_id: sensorId, err: thrown }, "could not write what a sensor saw, it looks again");
  const found = await store.sensors.readState(sensorKey);
  if (found === null) return;
  const pace = nextPace(sensor, "failed");
  const { pollIntervalMs: intervalMs } = sensor.definition as SensorDefinition;
  const nextAt = nextPollAt({ name: `${dagId}/${sensorId}`, now: store.now(), intervalMs, factor: pace.factor });
  const { stateVersion } = found;
  const error = describeError(thrown);
  await store.sensors.record(
    { sensorKey, stateVersion, patch: null, events: [], startedAt, nextAt, pace, error },
    epoch,
  );
}

/** Null: it was stopped. What keeps it from looking is a problem of its own. */
async function look(
  definition: SensorDefinition,
  sensor: SensorRow,
  { store, host, signal, logger, leaveBehind }: SensorContext,
  { state, startedAt }: { state: ReadonlyMap<string, unknown> | null; startedAt: number },
): Promise<LookResult | null> {
  const { sensorKey, dagId, sensorId } = sensor;
  const deadline = AbortSignal.timeout(definition.timeoutMs);
  try {
    const looking = pollSensor(definition, {
      state,
      now: Math.floor(startedAt),
      signal: AbortSignal.any([signal, deadline]),
      host,
      listEndedRuns: (options) => store.sensors.listEndedRuns({ sensorKey, ...options }),
    });
    leaveBehind(looking);
    return await untilAborted(looking, AbortSignal.any([signal, deadline]));
  } catch (thrown) {
    if (signal.aborted) return null;
    const isLate = deadline.aborted;
    if (!isLate && !(thrown instanceof AppError)) {
      logger.error(
        { dag_id: dagId, sensor_id: sensorId, err: thrown },
        "a sensor failed in a way that is not foreseen",
      );
    }
    const problem = isLate ? `it took longer than ${formatDuration(definition.timeoutMs)}` : describeError(thrown);
    return { ...quiet, problem };
  }
}

/** Some of what a look waits for, such as a file system that hangs, can't be interrupted. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Null: the epoch leads no more, or the state is another one by now. */
async function fireAll(
  { type }: SensorDefinition,
  sensor: SensorRow,
  context: SensorContext,
  firings: readonly Firing[],
): Promise<FiredEvents | null> {
  const { store, epoch, createSuffix, states, logger, signal } = context;
  let { stateVersion } = sensor;
  const skipped: PassedOver[] = [];
  const patches: StatePatch[] = [];
  let count = 0;
  const came = (error: string | null): FiredEvents => ({ stateVersion, count, skipped, patches, error });
  if (firings.length === 0) return came(null);
  const definition = await context.readDefinition(sensor.versionKey);
  for (const firing of firings) {
    if (signal.aborted) return null;
    const fields = { dag_id: sensor.dagId, sensor_id: sensor.sensorId, subject: firing.event.subject };
    try {
      const made = { ...firing.event, data: parameterOf(firing.event, { sensor, type }) };
      const options = { store, epoch, createSuffix, sensor, type, definition };
      const result = await fireEvent({ stateVersion, patch: firing.patch, event: made }, options);
      if (result.kind === "overtaken") return null;
      patches.push(firing.patch);
      if (result.kind === "skipped") {
        skipped.push({ ...made, reason: result.reason });
        logger.info({ ...fields, reason: result.reason }, "a sensor's event makes no run");
        continue;
      }
      stateVersion += 1;
      count += 1;
      states.apply(sensor.sensorKey, firing.patch);
      logger.info({ ...fields, dag_run_id: result.runId }, "a sensor's event made a run");
    } catch (thrown) {
      if (!isLasting(thrown)) throw thrown;
      logger.error({ ...fields, err: thrown }, "the run of a sensor's event can't be made");
      return came(`no run can be made of ${firing.event.subject}: ${thrown.message}`);
    }
  }
  return came(null);
}

async function writeRecord(options: {
  definition: SensorDefinition;
  sensor: SensorRow;
  context: SensorContext;
  startedAt: number;
  result: LookResult;
  fired: FiredEvents;
}): Promise<boolean> {
  const { definition, sensor, context, startedAt, result, fired } = options;
  const { store, epoch, states, logger } = context;
  const { sensorKey, dagId, sensorId } = sensor;
  const error = fired.error ?? result.problem;
  // What waits behind a run that can't be made is not to be passed by.
  const rest = fired.error === null ? result : quiet;
  // A patch that was not written yet must not undo one that followed it and was.
  const patch = joinPatches([...(fired.skipped.length > 0 ? fired.patches : []), rest.patch]);
  const passedOver = rest.passedOver.map((event) => ({
    ...event,
    data: parameterOf(event, { sensor, type: definition.type }),
  }));
  const pace = nextPace(sensor, kindOf(result, { error, count: fired.count + fired.skipped.length, patch }));
  const now = store.now();
  const onGrid = nextPollAt({
    name: `${dagId}/${sensorId}`,
    now,
    intervalMs: definition.pollIntervalMs,
    factor: pace.factor,
  });
  const soon = result.hasMore ? now : (result.lookAt ?? onGrid);
  const isWritten = await store.sensors.record(
    {
      sensorKey,
      stateVersion: fired.stateVersion,
      patch,
      events: [...fired.skipped, ...passedOver],
      startedAt,
      nextAt: error === null ? Math.min(onGrid, soon) : onGrid,
      pace,
      error,
    },
    epoch,
  );
  if (isWritten && patch !== null) states.apply(sensorKey, patch);
  if (isWritten && error !== null) {
    const fields = { dag_id: dagId, sensor_id: sensorId, error, failures: pace.failureCount };
    if (pace.failureCount === 1) logger.warn(fields, "a sensor failed, it looks again less often");
    else logger.debug(fields, "a sensor failed again");
  }
  return isWritten;
}

function kindOf(
  { lookAt, hasMore }: LookResult,
  { error, count, patch }: { error: string | null; count: number; patch: StatePatch | null },
): LookKind {
  if (error !== null) return "failed";
  if (count > 0) return "fired";
  return patch !== null || lookAt !== null || hasMore ? "awaiting" : "quiet";
}

/** One after the other: what a later one drops or puts counts. Null: none of them is there. */
function joinPatches(patches: readonly (StatePatch | null)[]): StatePatch | null {
  const present = patches.filter((patch) => patch !== null);
  if (present.length === 0) return null;
  const put = new Map<string, unknown>();
  const drop = new Set<string>();
  for (const patch of present) {
    for (const item of patch.drop) {
      put.delete(item);
      drop.add(item);
    }
    for (const [item, value] of patch.put) {
      drop.delete(item);
      put.set(item, value);
    }
  }
  return put.size === 0 && drop.size === 0 ? noPatch : { put, drop: [...drop] };
}
