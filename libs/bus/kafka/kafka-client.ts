import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type ISocketFactory, Kafka, type KafkaConfig, type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "#telemetry/logger.ts";
import type { KafkaAccess, KafkaTls } from "./kafka-options.ts";
import { useNoIdleTimers } from "./without-idle-timers.ts";

/** For the connection itself, before a request can be sent. */
const connectTimeoutMs = 3000;
const keepAliveMs = 60_000;

export interface KafkaClient {
  readonly kafka: Kafka;
  /** Cuts its connections and makes no more: requests under way fail at once, and retries inside kafkajs come to an end. */
  destroy(): void;
}

/**
 * A kafkajs of its own for each producer, consumer and admin: consumers of one instance would share committed offsets.
 * It has few retries, since whoever uses it retries itself, with a deadline and an end.
 */
export function createKafkaClient(options: KafkaAccess): KafkaClient {
  useNoIdleTimers();
  const sockets = new Set<Socket>();
  let isDestroyed = false;
  const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    // The types promise `ssl`, but without TLS there is none.
    const tls = ssl as typeof ssl | undefined;
    const serverName = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      tls === undefined || tls === null
        ? connect({ host, port }, onConnect)
        : connectTls({ host, port, ...serverName, ...tls }, onConnect);
    socket.setKeepAlive(true, keepAliveMs);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (isDestroyed) socket.destroy(new Error("this client is closed"));
    return socket;
  };
  return {
    kafka: new Kafka(toConfig(options, socketFactory)),
    destroy: () => {
      isDestroyed = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

function toConfig(options: KafkaAccess, socketFactory: ISocketFactory): KafkaConfig {
  const { brokers, clientId, tls, sasl, timing, logger } = options;
  return {
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectTimeoutMs,
    requestTimeout: timing.requestTimeoutMs,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 300 },
    logLevel: logLevel.DEBUG,
    logCreator: () => (entry) => forwardLog(entry, logger),
    socketFactory,
    ...(tls === null ? {} : { ssl: toTlsOptions(tls) }),
    ...(sasl === null ? {} : { sasl }),
  };
}

function toTlsOptions({ ca, certificate, key }: KafkaTls): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca === null ? {} : { ca }),
    ...(certificate === null ? {} : { cert: certificate }),
    ...(key === null ? {} : { key }),
  };
}

/** What kafkajs calls errors are mostly passing, and it repeats them while a broker is away: what counts we say ourselves. */
function forwardLog({ level, namespace, log }: LogEntry, logger: Logger): void {
  const target = level === logLevel.ERROR || level === logLevel.WARN ? "debug" : "trace";
  if (!logger.isLevelEnabled(target)) return;
  const { message, timestamp: _timestamp, logger: _name, stack: _stack, ...fields } = log;
  logger[target]({ ...fields, namespace }, `kafkajs: ${message}`);
}
