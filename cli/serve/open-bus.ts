import { hostname } from "node:os";
import { KafkaBus } from "#bus/kafka/kafka-bus.ts";
import { defaultKafkaTiming, type KafkaSasl, type KafkaTls } from "#bus/kafka/kafka-options.ts";
import { readKafkaTls } from "#bus/kafka/read-kafka-tls.ts";
import { systemClock } from "#clock/system-clock.ts";
import { toBreakerPolicy } from "#config/breaker-settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import { AppError } from "#errors/app-error.ts";
import type { Bus } from "#ports/bus.ts";
import type { Logger } from "#telemetry/logger.ts";

/** The bus of the settings; it opens at once, without a broker too. Null: there is none. */
export function openBus({ kafka, breakers }: Pick<Settings, "kafka" | "breakers">, logger: Logger): Bus | null {
  if (kafka.brokers.length === 0) return null;
  return new KafkaBus({
    brokers: kafka.brokers,
    clientId: `millrace-${hostname()}-${process.pid}`,
    topicPrefix: kafka.topicPrefix,
    tls: readTls(kafka.tls),
    sasl: toSasl(kafka.sasl),
    timing: { ...defaultKafkaTiming, sessionTimeoutMs: kafka.sessionTimeoutMs },
    breaker: toBreakerPolicy(breakers.kafka),
    clock: systemClock,
    logger,
  });
}

function readTls({ enabled, ...files }: Settings["kafka"]["tls"]): KafkaTls | null {
  if (!enabled) return null;
  return readKafkaTls(
    files,
    (field, why, cause) => new AppError("INVALID_CONFIG", `kafka.tls.${field} ${why}`, { cause }),
  );
}

function toSasl({ mechanism, username, password }: Settings["kafka"]["sasl"]): KafkaSasl | null {
  return mechanism === "none" || username === null || password === null ? null : { mechanism, username, password };
}
