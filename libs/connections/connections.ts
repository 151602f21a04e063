import { canonicalName, type NamedText, readNamedTexts } from "#config/named-texts.ts";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import type { Connection, ConnectionKind } from "./connection.ts";
import { targetOf } from "./connection-target.ts";
import { parseConnection } from "./parse-connection.ts";

/** A connection as people may see it. */
export interface ListedConnection {
  readonly name: string;
  /** Null where it can't be read; then `problem` says why. */
  readonly kind: ConnectionKind | null;
  readonly target: string;
  readonly source: string;
  readonly problem: string | null;
}

/** The connections that this process knows. Names are compared without case, and `-` is `_`. */
export interface Connections {
  /** Throws CONNECTION_NOT_FOUND with the closest name, or INVALID_CONNECTION when it is of another kind or can't be read. */
  find<K extends ConnectionKind>(name: string, ...kinds: readonly K[]): Extract<Connection, { kind: K }>;
  /** By name. */
  list(): readonly ListedConnection[];
}

export interface ConnectionSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A folder with one file a connection; null: none. */
  readonly directory: string | null;
  /** Of the configuration: name → address or JSON. */
  readonly configured: Readonly<Record<string, string>>;
}

const variablePrefix = "MILLRACE_CONN_";

/** Of one name the environment wins over the folder, and that over the configuration. The folder is read each time, so that a new password counts at once. */
export function createConnections(sources: ConnectionSources): Connections {
  const readAll = (): ReadonlyMap<string, NamedText> =>
    readNamedTexts({ ...sources, variablePrefix, configuredAs: "connections.named" });
  return {
    find: (name, ...kinds) => {
      const all = readAll();
      const found = all.get(canonicalName(name));
      if (found === undefined)
        throw notFound(
          name,
          [...all.values()].map((each) => each.name),
        );
      const connection = parseConnection(found);
      const isWanted = (kinds as readonly ConnectionKind[]).includes(connection.kind);
      if (kinds.length === 0 || isWanted) return connection as Extract<Connection, { kind: (typeof kinds)[number] }>;
      throw new AppError(
        "INVALID_CONNECTION",
        `the connection ${found.name} is of the type ${connection.kind}; what uses it needs ${kinds.join(" or ")}`,
        { details: { connection: found.name, type: connection.kind } },
      );
    },
    list: () => [...readAll().values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(describe),
  };
}

function describe(found: NamedText): ListedConnection {
  const { name, source } = found;
  try {
    const connection = parseConnection(found);
    return { name, kind: connection.kind, target: targetOf(connection), source, problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { name, kind: null, target: "", source, problem: error.message };
  }
}

function notFound(name: string, names: readonly string[]): AppError {
  const near = closestName(name, names);
  const advice =
    near === null
      ? `set ${variablePrefix}${canonicalName(name).toUpperCase()} where the worker runs, for a sensor where the scheduler runs`
      : `did you mean ${near}?`;
  return new AppError("CONNECTION_NOT_FOUND", `there is no connection ${name} here; ${advice}`, {
    details: { connection: name, closest: near },
  });
}
