import { toRefMessage, type toRequest } from "./session-messages.ts";
import type { SessionEffect } from "./session-signals.ts";

/** What a worker says that needs nothing but the effect itself. */
export type SpokenEffect = Extract<
  SessionEffect,
  {
    kind: "send_beat" | "send_claim" | "return_ticket" | "send_partitions" | "send_released" | "send_drain_notice";
  }
>;

export function toMessage(effect: SpokenEffect): Parameters<typeof toRequest>[0] {
  switch (effect.kind) {
    case "send_beat": {
      const { sequence, held, freeSlots } = effect;
      return { case: "heartbeat", value: { sequence: BigInt(sequence), held: held.map(toRefMessage), freeSlots } };
    }
    case "send_claim":
      return { case: "claim", value: { attempt: toRefMessage(effect.ref) } };
    case "return_ticket":
      return { case: "ticketReturn", value: { attempt: toRefMessage(effect.ref), reason: effect.reason } };
    case "send_partitions": {
      const partitions = [...effect.owned].flatMap(([queue, owned]) =>
        owned.map((partition) => ({ queue, partition })),
      );
      return { case: "partitionsOwned", value: { partitions } };
    }
    case "send_released":
      return { case: "released", value: { attempt: toRefMessage(effect.ref) } };
    case "send_drain_notice":
      return { case: "drainNotice", value: { reason: effect.reason } };
  }
}
