import { hostname } from "node:os";
import { defaultKafkaTiming, type KafkaAccess } from "#bus/kafka/kafka-options.ts";
import { readKafkaTls } from "#bus/kafka/read-kafka-tls.ts";
import { AppError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { KafkaConnection } from "./kafka-connection.ts";

/** How its brokers are reached. Throws INVALID_CONNECTION with the file that can't be read. */
export function kafkaAccessOf({ name, brokers, tls, sasl }: KafkaConnection, logger: Logger): KafkaAccess {
  return {
    brokers,
    clientId: `millrace-${hostname()}-${process.pid}`,
    tls:
      tls === null
        ? null
        : readKafkaTls(tls, (field, why, cause) => {
            return new AppError("INVALID_CONNECTION", `${field} of the connection ${name} ${why}`, { cause });
          }),
    sasl,
    timing: defaultKafkaTiming,
    logger,
  };
}
