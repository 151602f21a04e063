import { z } from "zod";
import { setting } from "./setting-kinds.ts";

function fileOrNull(description: string, fallbackText = "none") {
  return setting.textOrNull({ description, fallback: null, fallbackText, pattern: /\S/, advice: "a file" });
}

function textOrNull(description: string, isSecret = false) {
  return setting.textOrNull({
    description,
    fallback: null,
    fallbackText: "none",
    isSecret,
    pattern: /\S/,
    advice: "text",
  });
}

/** How the bus reaches its brokers, and what its topics are like. */
export const kafka = z.object({
  brokers: setting.list({
    description: "Brokers that carry tickets and events; they name the others.",
    fallback: [],
    fallbackText: "none: everything goes over the worker sessions",
    variable: "KAFKA_BROKERS",
    itemPattern: /^[^\s,/:]+:\d{1,5}$/,
    advice: "one or more host:port, separated by commas",
    mayBeEmpty: true,
  }),
  topicPrefix: setting.text({
    description: "Topics and groups begin with it; installations that share brokers need one each.",
    fallback: "millrace",
  }),
  partitions: setting.integer({
    description: "Partitions of each topic: at least as many as workers of a queue.",
    fallback: 12,
    min: 1,
    max: 1000,
  }),
  replication: setting.integerOrNull({
    description: "Copies of each partition.",
    fallback: null,
    fallbackText: "the brokers' default",
    min: 1,
    max: 20,
  }),
  ticketRetentionMs: setting.duration({ description: "How long topics keep tickets.", fallback: "1h" }),
  eventRetentionMs: setting.duration({ description: "How long the topic keeps events.", fallback: "7d" }),
  sessionTimeoutMs: setting.duration({
    description: "A worker that is silent for so long loses its partitions.",
    fallback: "6s",
  }),
  tls: z.object({
    enabled: setting.boolean({ description: "Talk to the brokers over TLS.", fallback: false }),
    caFile: fileOrNull("PEM file of the authority that signed the brokers' certificates.", "the system's authorities"),
    certificateFile: fileOrNull("PEM file of our certificate, where brokers ask for one."),
    keyFile: fileOrNull("PEM file of its key."),
  }),
  sasl: z.object({
    mechanism: setting.choice({
      description: "How to log in to the brokers.",
      fallback: "none",
      choices: ["none", "plain", "scram-sha-256", "scram-sha-512"],
    }),
    username: textOrNull("Name to log in with."),
    password: textOrNull("Password to log in with.", true),
  }),
});

/** Settings that make no sense together, by their path within the section. */
export function kafkaConflicts({
  tls,
  sasl,
}: z.output<typeof kafka>): readonly { path: readonly string[]; message: string }[] {
  const conflicts: { path: readonly string[]; message: string }[] = [];
  if ((tls.certificateFile === null) !== (tls.keyFile === null)) {
    conflicts.push({ path: ["tls", "keyFile"], message: "and kafka.tls.certificate_file go together" });
  }
  const hasFiles = tls.caFile !== null || tls.certificateFile !== null;
  if (hasFiles && !tls.enabled)
    conflicts.push({ path: ["tls", "enabled"], message: "must be true where files are given" });
  if (sasl.mechanism !== "none" && (sasl.username === null || sasl.password === null)) {
    conflicts.push({ path: ["sasl", "mechanism"], message: "needs kafka.sasl.username and kafka.sasl.password" });
  }
  return conflicts;
}
