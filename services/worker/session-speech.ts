import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { ResourcesSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { type AttemptUse, toAttemptUsage } from "./attempt-usage-message.ts";
import { toRefMessage, type toRequest } from "./session-messages.ts";
import type { SessionEffect } from "./session-signals.ts";

/** This version of the protocol. */
const protocolVersion = 1;

/** The machine that a worker offers. */
interface WorkerHost {
  readonly hostname: string;
  /** What its attempts may ask for together. */
  readonly resources: ResourceAmounts;
  /** What it can do beyond running a process: kinds of isolation. */
  readonly capabilities: readonly string[];
}

/** What a worker says of itself. */
export interface WorkerTraits {
  readonly workerId: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly host: WorkerHost;
  /** Operator types that it can run. */
  readonly capabilities: readonly string[];
}

/** What a worker says that needs nothing but the effect itself. */
export type SpokenEffect = Extract<
  SessionEffect,
  {
    kind: "send_beat" | "send_claim" | "return_ticket" | "send_partitions" | "send_released" | "send_drain_notice";
  }
>;

/** `uses` go with a heartbeat. */
export function toMessage(effect: SpokenEffect, uses: readonly AttemptUse[] = []): Parameters<typeof toRequest>[0] {
  switch (effect.kind) {
    case "send_beat": {
      const { sequence, held, freeSlots, usage, strain } = effect;
      const value = {
        sequence: BigInt(sequence),
        held: held.map(toRefMessage),
        freeSlots,
        degradedReason: strain?.reason ?? "",
        yields: strain?.yields ?? false,
        attemptUsage: uses.map(toAttemptUsage),
        ...(usage === null ? {} : { usage }),
      };
      return { case: "heartbeat", value };
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

/** The first message of a session. */
export function toHello(
  { connection, incarnation, predecessors, held, outcomes }: Extract<SessionEffect, { kind: "connect" }>,
  { workerId, version, queues, slots, labels, host, capabilities }: WorkerTraits,
): Parameters<typeof toRequest>[0] {
  const value = {
    workerId,
    incarnation,
    previousIncarnation: predecessors.at(-1) ?? "",
    earlierIncarnations: predecessors.slice(0, -1),
    connection: BigInt(connection),
    protocolVersion,
    programVersion: version,
    hostname: host.hostname,
    queues: [...queues],
    slots,
    labels,
    resources: toResources(host.resources),
    capabilities: [...capabilities],
    hostCapabilities: [...host.capabilities],
    held: held.map(toRefMessage),
    outcomes: outcomes.map(toRefMessage),
  };
  return { case: "hello", value };
}

function toResources({
  milliCpus,
  memoryBytes,
  diskBytes,
  gpus,
}: ResourceAmounts): MessageInitShape<typeof ResourcesSchema> {
  return { cpu: milliCpus / 1000, memoryBytes: BigInt(memoryBytes), diskBytes: BigInt(diskBytes), gpus };
}
