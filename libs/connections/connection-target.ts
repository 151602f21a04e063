import type { Connection } from "./connection.ts";

/** Where a connection leads, without what opens it. */
export function targetOf(connection: Connection): string {
  switch (connection.kind) {
    case "postgres":
    case "mysql": {
      const { kind, user, host, port, database } = connection;
      return `${kind}://${user === "" ? "" : `${user}@`}${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
    }
    case "sqlite":
      return `sqlite:${connection.path}`;
    case "http":
      return connection.url;
    case "smtp": {
      const { user, host, port } = connection;
      return `${connection.secure ? "smtps" : "smtp"}://${user === "" ? "" : `${encodeURIComponent(user)}@`}${host}:${port}`;
    }
    case "slack":
      return new URL(connection.url).origin;
    case "kafka":
      return `kafka://${connection.brokers.join(",")}`;
  }
}
