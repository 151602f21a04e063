import { createKafkaClient } from "./kafka-client.ts";
import { toBusError } from "./kafka-errors.ts";
import type { KafkaAccess } from "./kafka-options.ts";

/** How many brokers there are, as one of them says. Throws BUS_UNAVAILABLE. */
export async function countBrokers(access: KafkaAccess): Promise<number> {
  const client = createKafkaClient(access);
  const admin = client.kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length;
  } catch (thrown) {
    throw toBusError(`the brokers ${access.brokers.join(", ")}`, thrown);
  } finally {
    client.destroy();
  }
}
