import { AppError, describeError } from "#errors/app-error.ts";
import type { OutboundPolicy } from "#outbound/outbound-policy.ts";
import { sendOutside } from "#outbound/outbound-request.ts";
import type { Connection, HttpConnection } from "./connection.ts";
import { createLogger } from "#telemetry/logger.ts";
import { kafkaAccessOf } from "./kafka-access.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import type { SmtpConnection } from "./notice-connection.ts";
import { authorizationOf } from "./http-authorization.ts";
import { type DatabaseConnection, openSession } from "./sessions/open-session.ts";

/** For all of it, in milliseconds. */
const probeTimeoutMs = 15_000;
const limits = { responseBytes: 1, headerBytes: 16 * 1024, connectMs: 10_000 };
const versionQueries = {
  postgres: "SELECT version()",
  mysql: "SELECT concat('MySQL ', version())",
  sqlite: "SELECT 'SQLite ' || sqlite_version()",
} as const;

/** Opens a connection and answers what it found, in words without a key. Throws CONNECTION_FAILED, INVALID_CONNECTION, or what the outbound policy says. */
export async function probeConnection(connection: Connection, policy: OutboundPolicy): Promise<string> {
  if (connection.kind === "http") return probeServer(connection, policy);
  if (connection.kind === "smtp") return probeMailServer(connection);
  if (connection.kind === "kafka") return probeBrokers(connection);
  if (connection.kind === "slack")
    throw failed(connection, "only a message would show it, and none is sent for a test");
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(failed(connection, `no answer within ${probeTimeoutMs} ms`)),
    probeTimeoutMs,
  );
  try {
    return await Promise.race([probeDatabase(connection), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function probeDatabase(connection: DatabaseConnection): Promise<string> {
  const session = await openSession(connection);
  try {
    const { rows } = await session.run(
      { text: versionQueries[connection.kind], values: [] },
      { rows: 1, bytes: 10_000 },
    );
    const [[version = ""] = []] = rows;
    return typeof version === "string" ? version : JSON.stringify(version);
  } catch (cause) {
    throw failed(connection, describeError(cause));
  } finally {
    await session.close();
  }
}

async function probeMailServer(connection: SmtpConnection): Promise<string> {
  const { host, port, secure, user, password } = connection;
  const { createTransport } = await import("nodemailer");
  const timeouts = { connectionTimeout: limits.connectMs, greetingTimeout: limits.connectMs };
  const auth = user === "" ? {} : { auth: { user, pass: password } };
  const transport = createTransport({ host, port, secure, ...auth, ...timeouts, socketTimeout: probeTimeoutMs });
  try {
    await transport.verify();
    return user === "" ? "a mail server answers" : `a mail server takes ${user}`;
  } catch (cause) {
    throw failed(connection, describeError(cause));
  } finally {
    transport.close();
  }
}

async function probeBrokers(connection: KafkaConnection): Promise<string> {
  const { countBrokers } = await import("#bus/kafka/count-brokers.ts");
  const access = kafkaAccessOf(connection, createLogger({ level: "silent", format: "json", component: "connections" }));
  try {
    const count = await countBrokers(access);
    return count === 1 ? "1 broker" : `${count} brokers`;
  } catch (cause) {
    throw failed(connection, describeError(cause));
  }
}

/** Any answer means that the server is there; one that says who asks may not is a failure. */
async function probeServer(connection: HttpConnection, policy: OutboundPolicy): Promise<string> {
  const authorization = authorizationOf(connection.auth);
  const headers = { ...connection.headers, ...(authorization === null ? {} : { authorization }) };
  const { status, statusText } = await sendOutside(
    { method: "GET", url: connection.url, headers, body: null },
    {
      policy,
      limits,
      timeoutMs: probeTimeoutMs,
      followRedirects: false,
      readBody: () => false,
      signal: new AbortController().signal,
    },
  );
  const answer = `${status} ${statusText}`.trimEnd();
  if (status === 401 || status === 403 || status >= 500) throw failed(connection, `it answered ${answer}`);
  return answer;
}

function failed({ name }: Connection, why: string): AppError {
  return new AppError("CONNECTION_FAILED", `the connection ${name} does not work: ${why}`, {
    details: { connection: name },
  });
}
