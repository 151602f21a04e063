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
  }
}
