import { kafkaVariable, offerSharedKafka } from "./kafka/shared-kafka.ts";
import { startTestServer } from "./test-server.ts";
import { serverVariable } from "./template-database.ts";

/**
 * One database server for a whole test run, and one broker when a test asks for it, in the environment of the workers
 * that start later. Every project of the configuration calls this; the first one starts them.
 */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env[serverVariable] !== undefined) return async () => undefined;
  const server = await startTestServer();
  process.env[serverVariable] = server.connectionString;
  const kafka = await offerSharedKafka();
  process.env[kafkaVariable] = kafka.address;
  return async () => {
    delete process.env[serverVariable];
    delete process.env[kafkaVariable];
    await Promise.all([server.stop(), kafka.close()]);
  };
}
