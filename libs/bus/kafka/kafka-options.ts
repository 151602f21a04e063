import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

/** PEM texts; null: the system's authorities, no certificate of our own. */
export interface KafkaTls {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

type SaslMechanism = "plain" | "scram-sha-256" | "scram-sha-512";

export type KafkaSasl = {
  [Mechanism in SaslMechanism]: {
    readonly mechanism: Mechanism;
    readonly username: string;
    readonly password: string;
  };
}[SaslMechanism];

export interface KafkaTiming {
  /** A consumer that is silent for so long loses its partitions. Brokers accept 6 s and more unless told otherwise. */
  readonly sessionTimeoutMs: number;
  /** How soon a consumer hears that its group is formed anew. */
  readonly heartbeatIntervalMs: number;
  /** The longest that a publish waits for the broker. Over a single broker's restart (3 to 5 s) none fails. */
  readonly publishDeadlineMs: number;
  /** The longest that one request waits for its answer. */
  readonly requestTimeoutMs: number;
  /** Between two looks whether the broker answers. */
  readonly probeIntervalMs: number;
}

export const defaultKafkaTiming: KafkaTiming = {
  sessionTimeoutMs: 6000,
  heartbeatIntervalMs: 500,
  publishDeadlineMs: 15_000,
  requestTimeoutMs: 5000,
  probeIntervalMs: 3000,
};

/** How brokers are reached. */
export interface KafkaAccess {
  /** `host:port` of some of the brokers; they name the others. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls: KafkaTls | null;
  readonly sasl: KafkaSasl | null;
  readonly timing: Pick<KafkaTiming, "requestTimeoutMs">;
  readonly logger: Logger;
}

export interface KafkaBusOptions extends KafkaAccess {
  /** Topics and groups begin with it; "millrace" unless several installations share a broker. */
  readonly topicPrefix: string;
  readonly timing: KafkaTiming;
  /** When publishing is held back; the default is the table of docs/operations/breakers.md. */
  readonly breaker?: BreakerPolicy;
  readonly clock: Clock;
}
