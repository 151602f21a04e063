import type { DagSensor } from "#definition/schema/sensor-definition.ts";
import { baseline, type Firing, type Look, type LookResult, noPatch, quiet } from "../look.ts";

/** A run's end becomes visible with its commit: ends of so long ago are looked for again. */
const overlapMs = 300_000;

/** Looks for runs of another definition that have ended since: an event per run, after the delay. */
export async function pollDag(sensor: DagSensor, { state, now, listEndedRuns }: Look): Promise<LookResult> {
  if (state === null) return baseline({ start: now, cursor: now });
  const start = Number(state.get("start") ?? now);
  const cursor = Number(state.get("cursor") ?? now);
  const to = now - sensor.delayMs;
  const from = Math.max(start + 1, cursor - overlapMs);
  if (from > to) return quiet;
  const { dagId, states, batchSize } = sensor;
  const runs = await listEndedRuns({ dagId, states, from, to, limit: batchSize + 1 });
  const hasMore = runs.length > batchSize;
  const fired = runs.slice(0, batchSize);
  const reached = hasMore ? (fired.at(-1)?.endedAt ?? cursor) : Math.max(cursor, to);
  const patch =
    fired.length > 0 || reached - cursor > overlapMs ? { put: new Map([["cursor", reached]]), drop: [] } : null;
  const firings = fired.map((run): Firing => {
    const data = {
      dag_id: dagId,
      dag_run_id: run.runId,
      state: run.state,
      execution_date: new Date(run.logicalAt).toISOString(),
      end_date: new Date(run.endedAt).toISOString(),
    };
    return { event: { subject: run.runId, data }, patch: noPatch };
  });
  return { ...quiet, firings, patch, hasMore };
}
