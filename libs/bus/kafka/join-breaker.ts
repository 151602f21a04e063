import { defaultPolicies } from "#breakers/default-policies.ts";
import { type CircuitBreaker, createBreaker } from "#breakers/circuit-breaker.ts";
import { AppError } from "#errors/app-error.ts";
import { isFinal, protocolTypeOf } from "./kafka-errors.ts";
import type { KafkaBusOptions } from "./kafka-options.ts";

/** Joins are few, with growing pauses between those that fail: it opens by so many last ones. */
const judgedJoins = 5;

/**
 * Keeps the consumers of all queues from joining their groups while no broker lets them; what is waiting for workers then
 * comes over their sessions. One consumer tries first whether it is over. It tells of joins alone: what a member loses later
 * ends its membership, and the next join is judged.
 */
export function createJoinBreaker(options: KafkaBusOptions): CircuitBreaker {
  const { clock, logger, timing, breaker: policy = defaultPolicies.kafka } = options;
  // A group that is formed anew may take as long as its slowest member.
  const slowMs = 2 * timing.sessionTimeoutMs + timing.requestTimeoutMs;
  return createBreaker({
    name: "kafka consume",
    policy: {
      ...policy,
      opens: { ...policy.opens, calls: Math.min(judgedJoins, policy.opens.calls) },
      halfOpen: { ...policy.halfOpen, calls: 1 },
      slowCallMs: { closed: slowMs, halfOpen: slowMs },
    },
    isFailure: isBrokerTrouble,
    refuse: (cause, retryInMs) =>
      new AppError("BUS_UNAVAILABLE", `no queue is consumed until Kafka answers again: ${cause}`, {
        details: { retry_in_ms: retryInMs },
      }),
    clock,
    logger,
  });
}

/** A topic that is missing, or a right, must hold up no other queue. */
function isBrokerTrouble(error: unknown): boolean {
  return !isFinal(error) && protocolTypeOf(error) !== "UNKNOWN_TOPIC_OR_PARTITION";
}
