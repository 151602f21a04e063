import { defaultPolicies } from "#breakers/default-policies.ts";
import { type CircuitBreaker, createBreaker } from "#breakers/circuit-breaker.ts";
import { AppError } from "#errors/app-error.ts";
import { protocolTypeOf } from "./kafka-errors.ts";
import type { KafkaBusOptions } from "./kafka-options.ts";

/**
 * Refuses publishes at once after several in a row that no broker took until their deadline: then tickets go over the
 * sessions and events wait, instead of everyone waiting for a deadline.
 */
export function createPublishBreaker(options: KafkaBusOptions): CircuitBreaker {
  const { clock, logger, breaker: policy = defaultPolicies.kafka } = options;
  return createBreaker({
    name: "kafka publish",
    policy,
    isFailure: isBrokerTrouble,
    refuse: (cause, retryInMs) =>
      new AppError("BUS_UNAVAILABLE", `nothing is published until Kafka answers again: ${cause}`, {
        details: { retry_in_ms: retryInMs },
      }),
    clock,
    logger,
  });
}

/** A topic that is missing is no trouble of the broker, and must hold up no other topic. */
function isBrokerTrouble(error: unknown): boolean {
  const isUnavailable = error instanceof AppError && error.code === "BUS_UNAVAILABLE";
  return isUnavailable && protocolTypeOf(error) !== "UNKNOWN_TOPIC_OR_PARTITION";
}
