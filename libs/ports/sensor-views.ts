import type { RunState } from "#core/states.ts";
import type { SensorEvent } from "./sensor-firing.ts";
import type { SensorRow } from "./sensor-store.ts";

export interface SensorView extends Pick<SensorRow, "dagId" | "sensorId" | "definition" | "hasBaseline" | "factor"> {
  readonly sensorKey: number;
  readonly isPaused: boolean;
  readonly isDagPaused: boolean;
  readonly lastPolledAt: number | null;
  readonly nextPollAt: number;
  readonly lastEventAt: number | null;
  /** Why its last look failed; empty: it did not. */
  readonly error: string;
  readonly errorSince: number | null;
  /** Things that it remembers. */
  readonly itemCount: number;
}

export interface SensorEventView extends SensorEvent {
  readonly eventKey: number;
  readonly createdAt: number;
  /** Null: it made none, for `reason`. */
  readonly runId: string | null;
  readonly reason: string;
}

export interface SensorFilter {
  readonly dagId: string | null;
  readonly type: string | null;
  /** Whether its last look failed; null: either. */
  readonly hasError: boolean | null;
}

/** A run that has ended. */
export interface EndedRun {
  readonly runId: string;
  readonly state: RunState;
  readonly logicalAt: number;
  readonly endedAt: number;
}
