import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBusForTest } from "#testing/bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, ticketsFor } from "#testing/ticket-collector.ts";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { createKafkaHarness } from "./kafka-harness.testsuite.ts";
import type { KafkaSasl } from "./kafka-options.ts";

const account = { username: "millrace", password: "a secret of the test" };
const jaas = "org.apache.kafka.common.security";
const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;
const storePassword = "of-the-test";

describe.skipIf(skipsWithoutKafka())("the Kafka bus over TLS with a password", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-keys-"));
  const keyStore = join(folder, "broker.p12");
  let kafka: LocalKafka | null = null;
  let ca = "";

  beforeAll(async () => {
    const store = ["-keystore", keyStore, "-storepass", storePassword, "-alias", "broker"];
    const subject = ["-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-validity", "2"];
    runKeytool(["-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", ...store, ...subject]);
    ca = runKeytool(["-exportcert", "-rfc", ...store]);
    const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
    const users = scram.flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${account.username},password=${account.password}]`,
    ]);
    kafka = await startLocalKafka({
      listeners: { SECURE: "SASL_SSL" },
      formatArguments: users,
      settings: {
        "sasl.enabled.mechanisms": ["PLAIN", ...scram].join(","),
        "listener.name.secure.ssl.keystore.location": keyStore,
        "listener.name.secure.ssl.keystore.password": storePassword,
        "listener.name.secure.plain.sasl.jaas.config": `${jaas}.plain.PlainLoginModule required user_${account.username}="${account.password}";`,
        "listener.name.secure.scram-sha-256.sasl.jaas.config": `${jaas}.scram.ScramLoginModule required;`,
        "listener.name.secure.scram-sha-512.sasl.jaas.config": `${jaas}.scram.ScramLoginModule required;`,
      },
    });
  });
  afterAll(async () => {
    await kafka?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (sasl: KafkaSasl, authority: string | null) => async () =>
    createKafkaHarness([`127.0.0.1:${kafka?.portOf("SECURE")}`], {
      tls: { ca: authority, certificate: null, key: null },
      sasl,
    });

  it.each(mechanisms)("carries tickets with %s", async (mechanism) => {
    const { bus, queue } = await openBusForTest(open({ mechanism, ...account }, ca));
    await bus.publishTickets(ticketsFor(queue, [0], 1));
    await expectTasks(collectTickets(bus, [queue]), ["t0"]);
  });

  it("says that the password is wrong, at once", async () => {
    const { bus } = await open({ mechanism: "scram-sha-256", ...account, password: "wrong" }, ca)();
    await expect(bus.publishTickets(ticketsFor("default", [0], 1))).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: expect.stringContaining("refused"),
    });
    await expect
      .poll(() => bus.state, brokerLimit)
      .toMatchObject({ kind: "down", cause: /credentials|authentication/i });
    await bus.close();
  });

  it("connects to no broker whose certificate it can't check", async () => {
    const { bus } = await open({ mechanism: "plain", ...account }, null)();
    await expect.poll(() => bus.state, brokerLimit).toMatchObject({ kind: "down", cause: /certificate/ });
    await bus.close();
  });
});

function runKeytool(args: readonly string[]): string {
  return execFileSync("keytool", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
