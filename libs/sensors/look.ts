import type { Connections } from "#connections/connections.ts";
import type { SessionPools } from "#connections/sessions/session-pools.ts";
import type { KafkaConnection } from "#connections/kafka-connection.ts";
import type { OutboundPolicy } from "#outbound/outbound-policy.ts";
import type { SensorEvent, SensorState, StatePatch } from "#ports/sensor-firing.ts";
import type { SensorStore } from "#ports/sensor-store.ts";
import type { EndedRun } from "#ports/sensor-views.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";

/** What the scheduler lends to its sensors. */
export interface SensorHost {
  readonly outbound: OutboundPolicy;
  readonly connections: Connections;
  readonly sessions: SessionPools;
  readonly secrets: SecretSource;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where relative folders begin. */
  readonly definitionsFolder: string;
  /** Of the settings; null: there are none. */
  readonly brokers: KafkaConnection | null;
  readonly logger: Logger;
}

/** Runs of a definition that ended within the bounds, without those that the sensor had an event of. */
type ListEndedRuns = (
  options: Omit<Parameters<SensorStore["listEndedRuns"]>[0], "sensorKey">,
) => Promise<readonly EndedRun[]>;

/** One look of a sensor. Times in milliseconds since 1970. */
export interface Look {
  /** Null: it looks for the first time, and finds out what is there. */
  readonly state: SensorState | null;
  readonly now: number;
  /** Aborted at the look's deadline and when the scheduler stops. */
  readonly signal: AbortSignal;
  readonly host: SensorHost;
  readonly listEndedRuns: ListEndedRuns;
}

/** An event, and what the sensor remembers once its run is made. */
export interface Firing {
  readonly event: SensorEvent;
  readonly patch: StatePatch;
}

/** Something that makes no run, and why. */
export type PassedOver = SensorEvent & { readonly reason: string };

export interface LookResult {
  /** In order: each follows from what the ones before it left. */
  readonly firings: readonly Firing[];
  /** Kept for people to see, with the patch. */
  readonly passedOver: readonly PassedOver[];
  /** What changes besides; null: nothing. */
  readonly patch: StatePatch | null;
  /** There is more than one look takes: look again at once. */
  readonly hasMore: boolean;
  /** When to look again at the latest; null: at the sensor's own pace. */
  readonly lookAt: number | null;
  /** What keeps it from seeing, though it looked; null: nothing. */
  readonly problem: string | null;
}

export const noPatch: StatePatch = { put: new Map(), drop: [] };

/** A look that saw nothing. */
export const quiet: LookResult = {
  firings: [],
  passedOver: [],
  patch: null,
  hasMore: false,
  lookAt: null,
  problem: null,
};

/** What a first look leaves. */
export function baseline(items: Readonly<Record<string, unknown>>): LookResult {
  return { ...quiet, patch: { put: new Map(Object.entries(items)), drop: [] } };
}
