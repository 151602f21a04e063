import type { Definition, JsonObject } from "#definition/model.ts";
import type { SensorEvent, SensorFiring } from "#ports/sensor-firing.ts";
import type { SensorRow } from "#ports/sensor-store.ts";
import type { Store } from "#ports/store.ts";
import type { MakeRunResult } from "./make-run.ts";
import { makeRun } from "./make-run.ts";
import { completeRun } from "./run-draft.ts";

/** A date that is taken is moved on by a millisecond at most so often. */
const maxDateTries = 1000;

export interface EventRun {
  readonly store: Store;
  readonly epoch: number;
  readonly createSuffix: () => string;
  readonly sensor: SensorRow;
  readonly type: string;
  readonly definition: Definition;
}

/** `overtaken`: the epoch leads no more, or what the event follows from is gone. */
export type FireResult =
  | { readonly kind: "fired"; readonly runId: string }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "overtaken" };

/**
 * Makes the run of an event, together with the event and what the sensor remembers then. Throws INVALID_PARAMETERS, and
 * what keeps the store from answering.
 */
export async function fireEvent(firing: Omit<SensorFiring, "sensorKey">, context: EventRun): Promise<FireResult> {
  const { store, epoch, sensor, definition } = context;
  const now = Math.floor(store.now());
  for (let tries = 0; tries < maxDateTries; tries += 1) {
    const logicalAt = now + tries;
    const run = completeRun(
      {
        definition,
        given: { sensor: parameterOf(firing.event, context) },
        dagKey: sensor.dagKey,
        versionKey: sensor.versionKey,
        logicalAt,
        intervalStartAt: logicalAt,
        intervalEndAt: logicalAt,
        runType: "sensor",
        triggeredBy: `sensor ${sensor.sensorId}`,
        externalTriggerId: sensor.sensorId,
        note: "",
        traceparent: null,
        whenFull: "wait",
        replaceExisting: false,
        request: null,
        firing: { ...firing, sensorKey: sensor.sensorKey },
        leaderEpoch: epoch,
      },
      { now, suffix: context.createSuffix() },
    );
    const result: MakeRunResult = await makeRun(store, definition, run);
    switch (result.kind) {
      case "created":
      case "repeated":
        return { kind: "fired", runId: result.runId };
      case "skipped":
        return { kind: "skipped", reason: `a run of its concurrency key is active: ${result.holder ?? result.key}` };
      case "not_leader":
        return { kind: "overtaken" };
      case "exists":
        continue;
      case "request_conflict":
        throw new Error("an event has no request id to conflict with");
    }
  }
  throw new Error(`${maxDateTries} dates in a row have runs of ${sensor.dagId}`);
}

/** What the run's parameter `sensor` holds: who saw it, and what. */
export function parameterOf({ data }: SensorEvent, { sensor, type }: Pick<EventRun, "sensor" | "type">): JsonObject {
  return { id: sensor.sensorId, type, ...(data as JsonObject) };
}
