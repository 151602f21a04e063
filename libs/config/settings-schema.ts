import { availableParallelism } from "node:os";
import { z } from "zod";
import { formatDuration } from "#schedule/duration.ts";
import { artifactConflicts, artifacts } from "./artifact-settings.ts";
import { breakers } from "./breaker-settings.ts";
import { kafka, kafkaConflicts } from "./kafka-settings.ts";
import { operators } from "./operator-settings.ts";
import { retentionSetting } from "./retention-setting.ts";
import { scheduler } from "./scheduler-settings.ts";
import { setting } from "./setting-kinds.ts";
import { workerResources } from "./worker-resource-settings.ts";

const addressPattern = /^https?:\/\/[^\s/?#@]+\/?$/;
const addressAdvice = "one or more addresses such as http://127.0.0.1:8081, separated by commas";
/** The words that the API's paths have in a worker's place are nobody's name. */
const workerIdPattern = /^(?!(?:stats|diagnosis)$)[A-Za-z0-9_.-]{1,200}$/;
const namePattern = /^[A-Za-z0-9_.-]{1,200}$/;

/** A service that reaches the database has its share of the 50 connections that all four together take at most. */
const maxPoolShare = 12;

/** With fewer beats in a lease one lost message would cost a healthy worker its attempts. */
export const minBeatsInLease = 3;

function address(options: { description: string; name: string; port: number }) {
  const { description, name, port } = options;
  return setting.list({
    description,
    fallback: [`http://127.0.0.1:${port}`],
    flag: name,
    variable: `MILLRACE_${name.toUpperCase()}`,
    itemPattern: addressPattern,
    advice: addressAdvice,
  });
}

const server = z.object({
  host: setting.text({ description: "Address to listen on.", fallback: "127.0.0.1", flag: "host" }),
  port: setting.integerOrNull({
    description: "Port to listen on; 0 takes a free one.",
    fallback: null,
    fallbackText: "the service's own: gateway 8080, parser 8081, scheduler 8082, executor 8083, worker 8084",
    flag: "port",
    min: 0,
    max: 65_535,
  }),
});

const dags = z.object({
  directory: setting.text({ description: "Folder of the definitions.", fallback: "dags", flag: "dags" }),
  filePattern: setting.text({ description: "Which files in it are definitions.", fallback: "**/*.{yaml,yml}" }),
  reloadOnChange: setting.boolean({ description: "Watch the folder and register what changes.", fallback: true }),
  scanIntervalMs: setting.duration({
    description: "Time between full scans, the safety net of watching.",
    fallback: "30s",
  }),
});

const limits = z.object({
  maxTaskTimeoutMs: setting.duration({
    description: "Longest `timeout` that a task may ask for, and the default.",
    fallback: "24h",
  }),
});

const worker = z.object({
  id: setting.textOrNull({
    description: "Name of the worker, unique in the deployment.",
    fallback: null,
    fallbackText: "made once and kept in the data directory",
    flag: "worker-id",
    pattern: workerIdPattern,
    advice: "1 to 200 letters, digits, dots, hyphens or underscores, and not stats or diagnosis",
  }),
  slots: setting.integer({
    description: "Attempts that it runs at once.",
    fallback: availableParallelism,
    fallbackText: "number of cores",
    flag: "slots",
    min: 1,
    max: 10_000,
  }),
  queues: setting.list({
    description: "Queues that it takes attempts from.",
    fallback: ["default"],
    flag: "queues",
    itemPattern: namePattern,
    advice: "one or more queue names, separated by commas",
  }),
  labels: setting.map({
    description: "Labels that tasks may ask for.",
    fallback: {},
    fallbackText: "none",
    flag: "labels",
  }),
  resources: workerResources,
  containerPull: setting.choice({
    description: "When the image of a container is fetched: if the host has none of that name, each time, or never.",
    fallback: "missing",
    choices: ["missing", "always", "never"],
  }),
  containerMounts: setting.list({
    description: "Folders of the host below which containers may mount what their tasks name.",
    fallback: [],
    fallbackText: "none",
    itemPattern: /^\/\S*$/,
    advice: "a list of absolute paths such as /srv/data,/srv/models",
    mayBeEmpty: true,
  }),
  heartbeatIntervalMs: setting.duration({
    description: "Time between heartbeats.",
    fallback: "5s",
    fallbackText: "5s, less if the lease is under 15s",
  }),
  leaseMs: setting.duration({
    description: "How long an unanswered worker keeps its attempts; at least three heartbeats.",
    fallback: "15s",
  }),
  drainTimeoutMs: setting.duration({
    description: "How long attempts may go on when the worker drains.",
    fallback: "10m",
  }),
  onRefusal: setting.choice({
    description: "What a worker does that every executor refuses: try on, or end with exit code 1.",
    fallback: "retry",
    choices: ["retry", "exit"],
  }),
});

const executor = z.object({
  backend: setting.choice({
    description:
      "How attempts reach a machine; `auto` is `kafka` with brokers, else `local` within one process and `stream` between several.",
    fallback: "auto",
    choices: ["auto", "local", "stream", "kafka"],
  }),
  scanIntervalMs: setting.duration({
    description: "Time between scans for lost workers and stuck work, the safety net of wakes.",
    fallback: "5s",
  }),
  redispatchAfterMs: setting.duration({
    description: "How long a ticket may stay unclaimed before its attempt is dispatched again.",
    fallback: "15s",
  }),
  reserveAfterMs: setting.duration({
    description: "How long an attempt waits for resources before a worker is kept for it.",
    fallback: "1m",
  }),
  consistencyIntervalMs: setting.durationOrZero({
    description: "Time between looks at the whole state, which repair what is safe; 0s: only `millrace doctor` looks.",
    fallback: "5m",
  }),
  handOff: setting.boolean({
    description: "Send the next attempt with the acknowledgement of the last.",
    fallback: true,
  }),
});

const databasePattern = /^postgres(ql)?:\/\/\S+$/;
const databaseAdvice = "an address such as postgres://user:password@host:5432/database";

const database = z.object({
  url: setting.textOrNull({
    description: "PostgreSQL to use in place of the embedded one.",
    fallback: null,
    fallbackText: "the embedded one, in the data directory",
    variable: "DATABASE_URL",
    isSecret: true,
    pattern: databasePattern,
    advice: databaseAdvice,
  }),
  poolerUrl: setting.textOrNull({
    description: "A pooler in transaction mode before the same database; statements go through it.",
    fallback: null,
    fallbackText: "none: everything goes to the server itself",
    isSecret: true,
    pattern: databasePattern,
    advice: databaseAdvice,
  }),
  pool: z.object({
    max: setting.integer({
      description: "Connections that one service opens at most.",
      fallback: () => Math.min(2 * availableParallelism() + 2, maxPoolShare),
      fallbackText: `2 × cores + 2, at most ${maxPoolShare}`,
      min: 2,
      max: 1000,
    }),
  }),
});

function folderOrNull(description: string) {
  return setting.textOrNull({ description, fallback: null, fallbackText: "none", pattern: /\S/, advice: "a folder" });
}

const outbound = z.object({
  allow: setting.list({
    description: "Where tasks may reach besides public addresses: networks, `host:port`, hosts, `*.example.com`.",
    fallback: [],
    fallbackText: "none",
    itemPattern: /^\S+$/,
    advice: "a list such as 10.0.0.0/8, localhost:8080, *.corp.example",
    mayBeEmpty: true,
  }),
});

const connections = z.object({
  named: setting.map({
    description: "Connections of this worker by name, each an address or JSON.",
    fallback: {},
    fallbackText: "none",
    isSecret: true,
  }),
  directory: folderOrNull("Folder with one file a connection."),
});

const secrets = z.object({
  directory: folderOrNull("Folder with one file a secret, as secrets are mounted."),
  command: setting.textOrNull({
    description: "Program that is given a secret's name and prints the secret.",
    fallback: null,
    fallbackText: "none",
    pattern: /\S/,
    advice: "a program with its arguments, separated by blanks",
  }),
});

/**
 * Every setting. The name in a file is the property in snake case, without the `Ms` of a duration: `worker.leaseMs` is
 * `worker.lease`; its variable is that in upper case, `MILLRACE_WORKER_LEASE`.
 */
export const settingShape = z.object({
  server,
  dags,
  limits,
  worker,
  executor,
  scheduler,
  outputs: z.object({ retentionMs: retentionSetting("outputs", "7d") }),
  artifacts,
  logs: z.object({
    retentionMs: retentionSetting("logs", "30d"),
    maxBytes: setting.size({
      description: "Longest log of one attempt; beyond it the middle is dropped.",
      fallback: "64MiB",
    }),
  }),
  logging: z.object({
    level: setting.choice({
      description: "Least severe lines that are logged.",
      fallback: "info",
      choices: ["trace", "debug", "info", "warn", "error", "silent"],
      flag: "log-level",
    }),
    format: setting.choice({
      description: "Lines for machines or for people.",
      fallback: () => (process.stderr.isTTY ? "text" : "json"),
      fallbackText: "text on a terminal, else json",
      choices: ["json", "text"],
    }),
  }),
  database,
  breakers,
  kafka,
  operators,
  outbound,
  connections,
  secrets,
  dataDir: setting.text({ description: "Folder of what this machine keeps.", fallback: ".millrace", flag: "data-dir" }),
  peers: z.object({
    server: address({ name: "server", port: 8080, description: "Where the command line finds the gateway." }),
    parser: address({ name: "parser", port: 8081, description: "Where the gateway finds parsers." }),
    scheduler: address({ name: "scheduler", port: 8082, description: "Where the gateway finds schedulers." }),
    executors: address({ name: "executors", port: 8083, description: "Where workers and the gateway find executors." }),
  }),
});

/** `settingShape` with the rules that connect settings. */
export const settingsSchema = settingShape.superRefine(({ worker, executor, kafka, artifacts: kept }, context) => {
  const refuse = (path: readonly string[], message: string): void =>
    context.addIssue({ code: "custom", path: [...path], message });
  if (worker.leaseMs < minBeatsInLease * worker.heartbeatIntervalMs) {
    const interval = formatDuration(worker.heartbeatIntervalMs);
    refuse(["worker", "leaseMs"], `must be at least ${minBeatsInLease} times worker.heartbeat_interval (${interval})`);
  }
  if (executor.backend === "kafka" && kafka.brokers.length === 0) {
    refuse(["executor", "backend"], "can be kafka only with kafka.brokers (KAFKA_BROKERS)");
  }
  for (const { path, message } of kafkaConflicts(kafka)) refuse(["kafka", ...path], message);
  for (const { path, message } of artifactConflicts(kept)) refuse(["artifacts", ...path], message);
});

/** Resolved settings: nothing optional, durations in milliseconds, sizes in bytes. */
export type Settings = z.output<typeof settingsSchema>;

/** Default ports by service. */
export const servicePorts = { gateway: 8080, parser: 8081, scheduler: 8082, executor: 8083, worker: 8084 } as const;
