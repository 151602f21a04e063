import { join } from "node:path";
import type { ServiceName } from "./cluster-options.ts";

/** Addresses of the services that others call. */
export type PeerAddresses = Readonly<Record<"parser" | "scheduler" | "executor", readonly string[]>>;

export interface ServicePlace {
  readonly service: ServiceName;
  /** `worker-2`: the name of its folder, and of a worker. */
  readonly name: string;
  readonly port: number;
  /** Folder of the cluster. */
  readonly folder: string;
  readonly dagsFolder: string;
}

export interface ServiceConnections {
  readonly databaseUrl: string;
  /** `host:port` of each; none: assignments go over the sessions alone. */
  readonly kafkaBrokers: readonly string[];
}

/** The command line behind `millrace`. */
export function serviceArguments(place: ServicePlace, peers: PeerAddresses): readonly string[] {
  const { service, name, port, folder, dagsFolder } = place;
  const own = ["start", service, "--port", String(port), "--data-dir", join(folder, name), "--dags", dagsFolder];
  const executors = ["--executors", peers.executor.join(",")];
  switch (service) {
    case "parser":
    case "scheduler":
      return own;
    case "executor":
      return [...own, "--scheduler", peers.scheduler.join(",")];
    case "worker":
      return [...own, "--worker-id", name, ...executors];
    case "gateway":
      return [...own, "--parser", peers.parser.join(","), "--scheduler", peers.scheduler.join(","), ...executors];
  }
}

/**
 * What a service is told of the database, which workers never see, and of the brokers: executors and workers give out work
 * by them, schedulers read what their sensors watch.
 */
export function serviceEnvironment(
  service: ServiceName,
  { databaseUrl, kafkaBrokers }: ServiceConnections,
): Readonly<Record<string, string>> {
  const givesOutWork = service === "executor" || service === "worker";
  const usesKafka = kafkaBrokers.length > 0 && (givesOutWork || service === "scheduler");
  return {
    ...(service === "worker" ? {} : { DATABASE_URL: databaseUrl }),
    ...(usesKafka ? { KAFKA_BROKERS: kafkaBrokers.join(",") } : {}),
    ...(usesKafka && givesOutWork ? { MILLRACE_EXECUTOR_BACKEND: "kafka" } : {}),
  };
}
