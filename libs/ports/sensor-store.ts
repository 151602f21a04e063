import type { RunState } from "#core/states.ts";
import type { Page, PageRequest } from "./queries.ts";
import type { SensorEvent, SensorState, StatePatch } from "./sensor-firing.ts";
import type { EndedRun, SensorEventView, SensorFilter, SensorView } from "./sensor-views.ts";

/** How often to look. */
export interface SensorPace {
  /** Its interval is so many times longer now. */
  readonly factor: number;
  /** Looks in a row that saw no change. */
  readonly quietCount: number;
  /** Looks in a row that failed. */
  readonly failureCount: number;
}

/** A sensor as the leader polls it. Times in milliseconds since 1970. */
export interface SensorRow extends SensorPace {
  readonly sensorKey: number;
  readonly dagKey: number;
  readonly dagId: string;
  /** In force. */
  readonly versionKey: number;
  readonly sensorId: string;
  /** Its normal form. */
  readonly definition: unknown;
  /** Grows with each change of what it remembers. */
  readonly stateVersion: number;
  /** It knows what was there before; false: its next look finds out. */
  readonly hasBaseline: boolean;
}

/** What a look came to besides the runs that it made. */
export interface PollRecord {
  readonly sensorKey: number;
  readonly stateVersion: number;
  /** Null: what it remembers stays as it is. Present: it has its baseline from now on. */
  readonly patch: StatePatch | null;
  /** Events that make no run, each with the reason. */
  readonly events: readonly (SensorEvent & { readonly reason: string })[];
  /** A look that was asked for since goes ahead of `nextAt`. */
  readonly startedAt: number;
  readonly nextAt: number;
  readonly pace: SensorPace;
  /** Null: it did not fail. */
  readonly error: string | null;
}

/** Those that nobody asks for now: these, and all of these types. */
export interface LeftOutSensors {
  readonly keys: readonly number[];
  readonly types: readonly string[];
}

/**
 * Sensors, what they remember and what they saw; a definition's are put there when it is registered. What the leader
 * writes carries its epoch and the version of the state that it follows from.
 */
export interface SensorStore {
  /** Of definitions in force, by definition and id. */
  list(page: PageRequest, filter: SensorFilter): Promise<Page<SensorView>>;
  get(dagId: string, sensorId: string): Promise<SensorView | null>;
  /** Newest first. */
  listEvents(
    page: PageRequest,
    sensor: { readonly dagId: string; readonly sensorId: string },
  ): Promise<Page<SensorEventView>>;
  /** Whether there is one. */
  setPaused(dagId: string, sensorId: string, isPaused: boolean): Promise<boolean>;
  /** Makes it due at once; whether there is one. */
  requestPoll(dagId: string, sensorId: string): Promise<boolean>;

  /** Not paused, of definitions in force that are not paused, due by the store's clock. */
  listDue(options: { limit: number; without: LeftOutSensors }): Promise<readonly SensorRow[]>;
  /** Milliseconds until the next one is due; null: none waits. */
  nextDueInMs(without: LeftOutSensors): Promise<number | null>;
  readState(sensorKey: number): Promise<{ readonly stateVersion: number; readonly items: SensorState } | null>;
  /** Whether it was written: false when the epoch does not lead or the state is another one by now. */
  record(poll: PollRecord, epoch: number): Promise<boolean>;
  /** Runs of a definition that ended within the bounds, both included, oldest end first, without those that the sensor had an event of. */
  listEndedRuns(options: {
    readonly sensorKey: number;
    readonly dagId: string;
    readonly states: readonly RunState[];
    readonly from: number;
    readonly to: number;
    readonly limit: number;
  }): Promise<readonly EndedRun[]>;
  /** Removes events from before; answers how many, `limit` at most. */
  dropEvents(options: { readonly before: number; readonly limit: number }): Promise<number>;
}
