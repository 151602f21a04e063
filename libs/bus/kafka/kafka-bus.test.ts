import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeBusContract } from "#testing/bus.testsuite.ts";
import { askForSharedKafka, skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { createKafkaHarness } from "./kafka-harness.testsuite.ts";

describe.skipIf(skipsWithoutKafka())("the Kafka bus", () => {
  describeBusContract(async () => createKafkaHarness(await askForSharedKafka()));
});

it("loads in Node, which sees fewer exports of kafkajs than the test runner does", () => {
  const script = `import { KafkaBus } from ${JSON.stringify(join(import.meta.dirname, "kafka-bus.ts"))}; console.log(KafkaBus.name);`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(output.trim()).toBe("KafkaBus");
});
