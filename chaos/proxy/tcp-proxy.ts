import { once } from "node:events";
import { createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { type ConnectionFault, healthyLinks, type LinkState, type LinkStates } from "./connection-fault.ts";
import { openProxied, type Proxied } from "./proxied-connection.ts";

export type Direction = "toServer" | "toClient";

/** What the proxy did so far. */
export interface ProxyCounts {
  /** Requests that met the fault. */
  hits: number;
  /** Chunks that vanished in a half-open link. */
  swallowed: number;
  /** Chunks that were held back. */
  delayed: number;
}

/** A link that can be broken in every way a network has, in front of a server on this machine. */
export interface TcpProxy {
  /** Of the loopback address; the same from start to close, also while connections are refused. */
  readonly port: number;
  readonly connections: number;
  readonly counts: Readonly<ProxyCounts>;
  /** Breaks all connections off; new ones are taken. */
  cut(): void;
  /** Breaks all off and takes no new ones until `heal`. */
  refuse(): Promise<void>;
  /** Treats what goes in a direction so, on all connections, until the next change. */
  setLink(direction: Direction, link: Partial<LinkState>): void;
  /** Hits requests on all connections, those that are open too; null ends it. */
  setFault(fault: ConnectionFault | null): void;
  /** Where new connections lead. */
  pointTo(target: NetConnectOpts): void;
  /** Undoes everything. What a half-open link swallowed is lost, so its connections are cut. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Listens on a free port; connections are broken off until it is pointed to a server. */
export async function startTcpProxy(): Promise<TcpProxy> {
  let target: NetConnectOpts | null = null;
  const open = new Set<Proxied>();
  let links: LinkStates = healthyLinks;
  let fault: ConnectionFault | null = null;
  const counts: ProxyCounts = { hits: 0, swallowed: 0, delayed: 0 };

  function take(client: Socket): void {
    if (target === null) {
      client.destroy();
      return;
    }
    const connection = openProxied(client, target, {
      link: (direction) => links[direction],
      fault: () => fault,
      count: (what) => (counts[what] += 1),
      onClose: () => open.delete(connection),
    });
    open.add(connection);
  }

  let server: Server | null = await listen(take, 0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const ownPort = address.port;

  function cut(): void {
    for (const connection of open) connection.destroy();
  }

  async function refuse(): Promise<void> {
    const closing = server;
    server = null;
    cut();
    if (closing === null) return;
    closing.close();
    await once(closing, "close");
  }

  return {
    port: ownPort,
    get connections() {
      return open.size;
    },
    counts,
    cut,
    refuse,
    setLink(direction, link) {
      links = { ...links, [direction]: { ...links[direction], ...link } };
    },
    setFault(next) {
      fault = next;
    },
    pointTo(next) {
      target = next;
    },
    async heal() {
      const hasLost = links.toServer.isSilent || links.toClient.isSilent;
      links = healthyLinks;
      fault = null;
      if (hasLost) cut();
      server ??= await listen(take, ownPort);
    },
    close: refuse,
  };
}

async function listen(onConnection: (socket: Socket) => void, port: number): Promise<Server> {
  const server = createServer(onConnection);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}
