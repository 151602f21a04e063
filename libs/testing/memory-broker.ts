import { MemoryBroker } from "#bus/memory/memory-broker.ts";
import { systemClock } from "#clock/system-clock.ts";
import { createLogger } from "#telemetry/logger.ts";

/** A broker in this process with topics for these queues; each `connect` is the bus of one service. */
export function openMemoryBroker(options: {
  readonly queues: readonly string[];
  readonly partitions: number;
}): MemoryBroker {
  const logger = createLogger({ level: "silent", format: "json", component: "bus" });
  const broker = new MemoryBroker({ clock: systemClock, logger });
  const hourMs = 3_600_000;
  const times = { ticketRetentionMs: hourMs, eventRetentionMs: hourMs };
  broker.createTopics({ ...options, ...times, eventPartitions: 1, replication: 1 });
  return broker;
}
