import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AppError } from "#errors/app-error.ts";

/** How long the addresses of a DNS name are believed, in milliseconds. */
const resolvedForMs = 30_000;

/** The places where one service listens. */
export interface Endpoints {
  /** Base URLs; names that resolve to several addresses are spread out. */
  list(): Promise<readonly string[]>;
  /** The next list looks the names up again. */
  resolveAnew(): void;
}

/** Reads `host:port`, `[v6]:port` or `http://host:port`, and answers the base URL without a path. */
export function parseAddress(address: string): string {
  const text = address.trim();
  const withScheme = text.startsWith("http://") ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (url === null || url.hostname === "" || url.pathname !== "/" || url.username !== "") {
    throw new AppError("INVALID_CONFIG", `address "${address}" is not host:port`, { details: { address } });
  }
  return url.origin;
}

export function createEndpoints(addresses: readonly string[]): Endpoints {
  if (addresses.length === 0) throw new AppError("INVALID_CONFIG", "a service without addresses can't be called");
  const origins = addresses.map(parseAddress);
  let resolved: readonly string[] = [];
  let resolvedAt = Number.NEGATIVE_INFINITY;

  return {
    async list() {
      if (performance.now() - resolvedAt > resolvedForMs) {
        const groups = await Promise.all(origins.map(resolveOrigin));
        resolved = [...new Set(groups.flat())];
        resolvedAt = performance.now();
      }
      return resolved;
    },
    resolveAnew() {
      resolvedAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** One URL for each address behind the name, beginning anywhere among them; the name itself when it can't be resolved. */
async function resolveOrigin(origin: string): Promise<readonly string[]> {
  const url = new URL(origin);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost" || isIP(host) !== 0) return [origin];
  try {
    const found = await lookup(host, { all: true });
    const urls = found.map(({ address, family }) => {
      const copy = new URL(origin);
      copy.hostname = family === 6 ? `[${address}]` : address;
      return copy.origin;
    });
    const first = Math.floor(Math.random() * urls.length);
    return urls.length === 0 ? [origin] : [...urls.slice(first), ...urls.slice(0, first)];
  } catch {
    return [origin];
  }
}
