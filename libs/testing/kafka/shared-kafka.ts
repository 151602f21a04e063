import { createServer } from "node:http";
import { once } from "node:events";
import { findMissingKafkaTool } from "./kafka-jars.ts";
import { type LocalKafka, startLocalKafka } from "./local-kafka.ts";
import { saySkippedWithout } from "../skipped-tests.ts";

/** Where the global setup leaves the address at which test workers ask for the broker. */
export const kafkaVariable = "MILLRACE_TEST_KAFKA";

/**
 * One broker for a whole test run, started when a test first asks for it: most runs need none. Test workers are processes
 * of their own and ask over HTTP.
 */
export async function offerSharedKafka(): Promise<{ readonly address: string; close(): Promise<void> }> {
  let starting: Promise<LocalKafka> | null = null;
  const server = createServer((_, response) => {
    starting ??= startLocalKafka();
    starting.then(
      ({ brokers }) => response.end(JSON.stringify({ brokers })),
      (thrown: unknown) => response.writeHead(503).end(String(thrown)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the broker's door has no port");
  return {
    address: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.close();
      const kafka = await starting?.catch(() => null);
      await kafka?.close();
    },
  };
}

/** The run's broker. Tests keep apart by prefixes of topics and groups. */
export async function askForSharedKafka(): Promise<readonly string[]> {
  const address = process.env[kafkaVariable];
  if (address === undefined) throw new Error("tests that need the shared broker run under vitest");
  const response = await fetch(address);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return (JSON.parse(text) as { brokers: readonly string[] }).brokers;
}

/** Whether tests that need a broker are to be skipped, because this machine can't run one. */
export function skipsWithoutKafka(): boolean {
  const missing = findMissingKafkaTool();
  if (missing === null) return false;
  saySkippedWithout("tests with Apache Kafka", missing);
  return true;
}
