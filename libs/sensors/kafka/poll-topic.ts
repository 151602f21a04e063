import { openTopicReader } from "#bus/kafka/topic-reader.ts";
import { kafkaAccessOf } from "#connections/kafka-access.ts";
import type { KafkaConnection } from "#connections/kafka-connection.ts";
import type { KafkaSensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import { baseline, type Look, type LookResult } from "../look.ts";
import { findPlaces, rememberPlaces } from "./partition-places.ts";
import { readOn } from "./read-on.ts";

/** Reads a topic on from where it was: an event per message that matches, in the order of its partition. */
export async function pollTopic(sensor: KafkaSensor, look: Look): Promise<LookResult> {
  const { signal, state } = look;
  signal.throwIfAborted();
  const connection = findBrokers(sensor, look);
  const reader = openTopicReader(sensor.topic, kafkaAccessOf(connection, look.host.logger));
  const close = (): void => reader.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    const ranges = await reader.readRanges();
    if (ranges === null) {
      const place = connection.brokers.join(", ");
      throw new AppError(
        "SENSOR_FAILED",
        `there is no topic ${sensor.topic} on ${place}; create it, or correct \`topic\``,
      );
    }
    if (state === null) {
      return baseline(
        Object.fromEntries(rememberPlaces(ranges.map(({ partition, end }) => ({ partition, offset: end })))),
      );
    }
    const { places, lost } = findPlaces(state, ranges);
    return await readOn(sensor, look, { reader, places, lost });
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

function findBrokers({ connection }: KafkaSensor, { host }: Look): KafkaConnection {
  if (connection !== null) return host.connections.find(connection, "kafka");
  if (host.brokers !== null) return host.brokers;
  throw new AppError(
    "SENSOR_FAILED",
    "there are no brokers where the scheduler runs; set kafka.brokers, or give the sensor a `connection`",
  );
}
