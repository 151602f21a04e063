/** What a sensor remembers: JSON values by item. */
export type SensorState = ReadonlyMap<string, unknown>;

/** How what it remembers changes; an item is in one of the two at most. */
export interface StatePatch {
  readonly put: ReadonlyMap<string, unknown>;
  readonly drop: readonly string[];
}

/** Something that a sensor saw. */
export interface SensorEvent {
  /** What it is about, for people: a path, a key, a run's id. */
  readonly subject: string;
  /** The run's parameter `sensor`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event that makes a run: the run, the event and what the sensor remembers are written together or not at all. */
export interface SensorFiring {
  readonly sensorKey: number;
  /** The state that the event follows from; another one by now refuses it all. */
  readonly stateVersion: number;
  readonly patch: StatePatch;
  readonly event: SensorEvent;
}
