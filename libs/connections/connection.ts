import type { KafkaConnection } from "./kafka-connection.ts";
import type { SlackConnection, SmtpConnection } from "./notice-connection.ts";

/** How a database connection is encrypted: not at all, without a look at the certificate, or with one. */
export type SslMode = "disable" | "require" | "verify-full";

/** What PostgreSQL and MySQL have in common. */
interface ServerConnection {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** PEM file of the authority to trust; null: those of this machine. */
  readonly sslRootCert: string | null;
  /** Sessions that this process holds at most. */
  readonly poolMax: number;
}

export interface PostgresConnection extends ServerConnection {
  readonly kind: "postgres";
}

export interface MysqlConnection extends ServerConnection {
  readonly kind: "mysql";
}

export interface SqliteConnection {
  readonly kind: "sqlite";
  readonly name: string;
  /** Absolute, or `:memory:`. */
  readonly path: string;
  readonly readOnly: boolean;
}

export type HttpAuth =
  | { readonly type: "basic"; readonly username: string; readonly password: string }
  | { readonly type: "bearer"; readonly token: string };

export interface HttpConnection {
  readonly kind: "http";
  readonly name: string;
  /** Without a query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: HttpAuth | null;
}

/** A named way to something outside, with what opens it. Never logged, listed or sent as it is. */
export type Connection =
  | PostgresConnection
  | MysqlConnection
  | SqliteConnection
  | HttpConnection
  | SmtpConnection
  | SlackConnection
  | KafkaConnection;

export type ConnectionKind = Connection["kind"];
