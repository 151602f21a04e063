import { LRUCache } from "lru-cache";
import type { SensorState, StatePatch } from "#ports/sensor-firing.ts";
import type { SensorRow, SensorStore } from "#ports/sensor-store.ts";

/** Items of all sensors together that are kept; what is beyond is read anew. */
const maxKeptItems = 500_000;

interface KeptState {
  stateVersion: number;
  readonly items: Map<string, unknown>;
}

/** What sensors remember, kept between looks: a folder of many files is not read from the database each time. */
export interface SensorStates {
  /** Null: it is another one by now than the row says. */
  read(sensor: Pick<SensorRow, "sensorKey" | "stateVersion">): Promise<SensorState | null>;
  /** A patch was written, and the version is one higher. */
  apply(sensorKey: number, patch: StatePatch): void;
  /** It may be another one by now. */
  forget(sensorKey: number): void;
}

export function createSensorStates(store: Pick<SensorStore, "readState">): SensorStates {
  const kept = new LRUCache<number, KeptState>({
    maxSize: maxKeptItems,
    sizeCalculation: ({ items }) => 1 + items.size,
  });
  return {
    async read({ sensorKey, stateVersion }) {
      const known = kept.get(sensorKey);
      if (known?.stateVersion === stateVersion) return known.items;
      const found = await store.readState(sensorKey);
      if (found === null || found.stateVersion !== stateVersion) return null;
      const state = { stateVersion, items: new Map(found.items) };
      kept.set(sensorKey, state);
      return state.items;
    },
    apply(sensorKey, { put, drop }) {
      const known = kept.get(sensorKey);
      if (known === undefined) return;
      for (const item of drop) known.items.delete(item);
      for (const [item, value] of put) known.items.set(item, value);
      known.stateVersion += 1;
      // Its size is another one.
      kept.delete(sensorKey);
      kept.set(sensorKey, known);
    },
    forget: (sensorKey) => void kept.delete(sensorKey),
  };
}
