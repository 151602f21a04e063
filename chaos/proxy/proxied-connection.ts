import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { ConnectionFault, LinkState } from "./connection-fault.ts";
import { createDelayLine } from "./delay-line.ts";
import { createPatternFinder, type PatternFinder } from "./pattern-finder.ts";
import type { Direction, ProxyCounts } from "./tcp-proxy.ts";

/** One connection through the proxy; both ends die together. */
export interface Proxied {
  destroy(): void;
}

export interface ProxiedOptions {
  readonly link: (direction: Direction) => LinkState;
  readonly fault: () => ConnectionFault | null;
  readonly count: (what: keyof ProxyCounts) => void;
  readonly onClose: () => void;
}

export function openProxied(client: Socket, target: NetConnectOpts, options: ProxiedOptions): Proxied {
  const server = connect(target);
  const watch = createFaultWatch(options);
  const lines = { toServer: createDelayLine(), toClient: createDelayLine() };
  let isOver = false;

  function destroy(): void {
    if (isOver) return;
    isOver = true;
    lines.toServer.end();
    lines.toClient.end();
    client.destroy();
    server.destroy();
    options.onClose();
  }

  function pass(from: Socket, to: Socket, direction: Direction): void {
    from.on("data", (chunk: Buffer) => {
      const { isSilent, delayMs } = options.link(direction);
      if (isSilent) {
        options.count("swallowed");
        return;
      }
      const verdict = watch(direction, chunk);
      if (verdict === "cut") destroy();
      if (verdict !== "pass") return;
      if (lines[direction].put(delayMs, () => send(from, to, chunk))) options.count("delayed");
    });
    from.on("end", () => lines[direction].put(0, () => to.end()));
    from.on("error", destroy);
    from.on("close", destroy);
  }

  for (const socket of [client, server]) socket.setNoDelay(true);
  pass(client, server, "toServer");
  pass(server, client, "toClient");
  return { destroy };
}

function send(from: Socket, to: Socket, chunk: Buffer): void {
  if (to.write(chunk)) return;
  from.pause();
  to.once("drain", () => from.resume());
}

type Watch = (direction: Direction, chunk: Buffer) => "pass" | "drop" | "cut";

/** Watches one connection for what its fault hits. */
function createFaultWatch({ fault, count }: ProxiedOptions): Watch {
  let current: ConnectionFault | null = null;
  let request: PatternFinder | null = null;
  let awaited: PatternFinder | null = null;
  return (direction, chunk) => {
    const wanted = fault();
    if (wanted !== current && awaited === null) {
      current = wanted;
      request = wanted === null ? null : createPatternFinder(wanted.request);
    }
    if (direction === "toClient") {
      if (awaited === null) return "pass";
      return awaited.find(chunk) === null ? "drop" : "cut";
    }
    if (current === null || request === null || request.find(chunk) === null || !current.isHit()) return "pass";
    count("hits");
    if (current.lose === "request") return "cut";
    awaited = createPatternFinder(current.replyEnd);
    return "pass";
  };
}
