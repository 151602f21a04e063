import type { KafkaTlsFiles } from "#bus/kafka/read-kafka-tls.ts";

export interface KafkaConnection {
  readonly kind: "kafka";
  readonly name: string;
  /** `host:port` of some of the brokers; they name the others. */
  readonly brokers: readonly string[];
  /** Null: not encrypted. */
  readonly tls: KafkaTlsFiles | null;
  /** Null: nobody logs in. */
  readonly sasl: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  } | null;
}
