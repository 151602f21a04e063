import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const socketName = ".s.PGSQL.5432";

/** A door to a PostgreSQL server that can be shut: connections break off, new ones are refused. */
export interface DatabaseProxy {
  /** The same database, through the door. */
  connectionStringOf(connectionString: string): string;
  /** Lets connections through, after it has turned away so many at once. */
  open(turnedAway?: number): Promise<void>;
  shut(): Promise<void>;
  close(): Promise<void>;
}

/** Begins shut. Works on servers that listen on a unix socket, as ours do. */
export async function createDatabaseProxy(): Promise<DatabaseProxy> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-proxy-"));
  const sockets = new Set<Socket>();
  let target = "";
  let server: Server | null = null;
  let leftToTurnAway = 0;

  function pass(client: Socket): void {
    if (leftToTurnAway > 0) {
      leftToTurnAway -= 1;
      client.destroy();
      return;
    }
    const upstream = connect(target);
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }

  async function shut(): Promise<void> {
    const closing = server;
    server = null;
    if (closing === null) return;
    const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    connectionStringOf(connectionString) {
      const url = new URL(connectionString);
      target = join(url.searchParams.get("host") ?? url.hostname, socketName);
      url.searchParams.set("host", folder);
      return url.href;
    },
    async open(turnedAway = 0) {
      if (server !== null) return;
      leftToTurnAway = turnedAway;
      const opening = createServer(pass);
      server = opening;
      await new Promise<void>((resolve) => opening.listen(join(folder, socketName), resolve));
    },
    shut,
    async close() {
      await shut();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
